"""The logs of containers, bounded in size as a kubelet's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 10 * 2**20
"""Bytes of a log; as much again is kept of what was before."""


def bound(log: Path, longest: int = _LONGEST) -> None:
    """Move a log that has grown long aside.

    Its process has it open, so it is copied and cut: a line that is written meanwhile is lost.
    """
    if log.exists() and log.stat().st_size > longest:
        former(log).touch(0o600)
        shutil.copyfile(log, former(log))
        with log.open("r+b") as file:
            file.truncate()


def delete(log: Path) -> None:
    """Delete a log with what was before."""
    for file in (log, former(log)):
        file.unlink(missing_ok=True)


def former(log: Path) -> Path:
    """Return where the part is that was moved aside."""
    return log.with_name(f"{log.name}.1")
