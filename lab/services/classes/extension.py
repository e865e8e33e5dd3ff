"""A later end for a class: reckoned from data, and written into its file without touching anything else there."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.settings import expiry

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LINE = re.compile(
    r"""^expires[ ]*:[^\r\n#]*?(?P<rest>[ \t]*(?:[ \t]\#[^\r\n]*)?)(?=\r?$)""", re.MULTILINE | re.VERBOSE
)
_CLASS = re.compile(r"^\ufeff?class[ ]*:[^\r\n]*(?P<end>\r?)$", re.MULTILINE)
"""The lines that say it, with the comment behind it; how a line ends stays too."""


def until(expires: str, by: str, now: datetime) -> str:
    """When a class ends that is extended: so long from now, and never sooner than it was to.

    Args:
        expires: when it was to end; empty for never.
        by: how much longer, such as `7d`.
        now: the moment of the extension.

    Raises:
        LabError: that is no length of time.
    """
    found = re.fullmatch(r"(\d{1,4})([hdw])", by, re.ASCII)
    if not found:
        raise LabError(f"found {by!r}; allowed: hours, days or weeks such as 12h, 7d or 2w", "lab class extend 7d")
    try:
        moment = expiry.extended(now, int(found[1]) * _UNITS[found[2]])
    except ValueError as error:
        raise LabError(f"found {by!r}: {error}", "lab class extend 7d") from None
    before = expiry.parse(expires)
    return expiry.spell(max(moment, before) if before else moment)


def write(file: Path, moment: str) -> None:
    """Write the end of a class into its file; every other line stays as it is.

    Args:
        file: of the class.
        moment: as `until` gives it.

    Raises:
        LabError: it is a table of students, which has no place for it, or there is no such place to be found.
    """
    if file.suffix.lower() == ".csv":
        raise LabError(
            f"{file} is a table of students and has no place for an end",
            f"write a class file that names it: class, expires, and students: {file.name}",
        )
    text = file.read_bytes().decode("utf-8")
    line = f"expires: {moment}"
    changed, count = _LINE.subn(lambda found: line + found["rest"], text, count=1)
    if not count:
        changed, count = _CLASS.subn(lambda found: f"{found[0]}\n{line}{found['end']}", text, count=1)
    if not count:
        raise LabError(f"{file} has no line that begins with class:", f"write this into it yourself: {line}")
    file.write_bytes(changed.encode())
