"""Builders, whose output is shown as it comes: they say much, and take a minute or more."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

from lab.adapters import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_KEPT = 200
"""Lines of output that are looked at for the cause of a failure: it stands at the end."""


def show(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> process.Result:
    """Run a program to its end, show every line of it on standard error, and return the last ones as its output."""
    kept: deque[str] = deque(maxlen=_KEPT)

    def take(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        kept.append(line)

    with process.Running(command, environment=environment, cwd=cwd, on_line=take) as running:
        code = running.wait()
    return process.Result(code=code or 0, stdout="\n".join(kept), stderr="")
