"""The variables that a Pod may give to the process that runs for it: those that the applications document.

Everything else that a Pod says stays where it is. A variable of Python, of the dynamic linker or of a library would
change what runs, and that is for the lab alone to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = frozenset({"APP_VERSION", "APP_COLOUR", "VARIANT", "FAULT_DELAY", "FAULT_RATE", "MAX_REQUESTS"})

ALLOWED: Mapping[str, frozenset[str]] = {
    "delivery": _COMMON | {"DELIVERY_LOG_LEVEL"},
    "order": _COMMON | {"ORDER_LOG_LEVEL", "DELIVERY_TIMEOUT", "DELIVERY_RETRY"},
}
"""By application; the stand-ins for Bookinfo's services read none."""

SET_HERE = frozenset({"HOST", "PORT", "HOSTNAME", "DELIVERY_URL", "ORDER_DB_URL", "ORDER_DB_USER", "ORDER_DB_PASS"})
"""Documented too, but the data plane's to say: where a process listens, whom it asks and where it keeps its data."""

_LONGEST = 1024
"""Letters of a value."""

_SHOWN, _SHOWN_LETTERS = 10, 64
"""How many names a note shows, and how much of each."""


class WrongValueError(Exception):
    """A variable has a value that no process is given; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What becomes of a Pod's variables: some reach its process, others are ignored."""

    kept: Mapping[str, str]
    ignored: tuple[str, ...]

    @property
    def note(self) -> str:
        """What is ignored, for people; empty for nothing."""
        if not self.ignored:
            return ""
        shown = ", ".join(ascii(each[:_SHOWN_LETTERS])[1:-1] for each in self.ignored[:_SHOWN])
        rest = len(self.ignored) - _SHOWN
        return f"ignored, as the application reads no such variables: {shown}{f' and {rest} more' if rest > 0 else ''}"


def choose(app: str, found: Mapping[str, str]) -> Chosen:
    """Choose the variables that an application gets.

    Args:
        app: its name; another one, or none, gets nothing.
        found: what the Pod says.

    Raises:
        WrongValueError: one that it would get has no value for a line of text.
    """
    allowed = ALLOWED.get(app, frozenset())
    kept = {name: value for name, value in found.items() if name in allowed}
    for name, value in sorted(kept.items()):
        if len(value) > _LONGEST or not (value.isprintable() or not value):
            raise WrongValueError(
                f"variable {name}: found {len(value)} characters; allowed: at most {_LONGEST}, all of them printable"
            )
    return Chosen(kept=kept, ignored=tuple(sorted(found.keys() - allowed - SET_HERE)))
