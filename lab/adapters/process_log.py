"""A command whose whole output is in a file, read by whoever shows a part of it.

The command writes to the file itself: were it a pipe, the command would end with whoever reads it.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lab.adapters import files
from lab.adapters.process import Running
from lab.core import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_INTERVAL = 0.2
"""Seconds between two looks at the file."""


def follow(
    command: Sequence[str],
    *,
    log: Path,
    on_line: Callable[[str], object],
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Run a command with its output and its messages in a file, and return its exit code.

    As with `process.interact`, Ctrl-C reaches the command itself, which ends as it likes.

    Args:
        command: program and arguments.
        log: a new file; what an earlier command left there is gone.
        on_line: takes each line soon after it was written.
        environment: all its variables; those of a local program if left out.
        cwd: where it runs.

    Raises:
        CannotStartError: the program is missing.
    """
    files.folder(log.parent)
    log.unlink(missing_ok=True)
    with signals.ignored(signal.SIGINT), Running(command, environment=environment, cwd=cwd, log=log) as running:
        with log.open(encoding="utf-8", errors="replace") as lines:
            code, rest = None, ""
            while code is None:
                code = running.wait(_INTERVAL)
                *whole, rest = (rest + lines.read()).split("\n")
                for line in whole:
                    on_line(line)
        if rest:
            on_line(rest)
    return code if code >= 0 else 128 - code
