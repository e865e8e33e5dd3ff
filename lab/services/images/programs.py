"""Programs whose work is shown as it comes: builders say much, and take a minute or more."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEPT = 200
"""Lines of output that are looked at for the cause of a failure: it stands at the end."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code.
        said: the end of what it said.
    """

    code: int
    said: str


def show(command: Sequence[str], *, cwd: Path) -> Ended:
    """Run a program to its end and show every line of it on standard error; Ctrl-C ends it too.

    Args:
        command: the program and its arguments; no secret is among them.
        cwd: where it works.
    """
    kept: deque[str] = deque(maxlen=_KEPT)
    with subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "AZURE_CORE_NO_COLOR": "true"},
    ) as process:
        try:
            for line in process.stdout or ():
                sys.stderr.write(line)
                kept.append(line)
        except BaseException:
            _end(process)
            raise
    return Ended(code=process.returncode, said="".join(kept))


def ask(command: Sequence[str], *, stdin: str = "") -> Ended:
    """Run a program that answers at once; its standard error is in what it said when it fails."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, input=stdin)
    return Ended(code=result.returncode, said=result.stderr if result.returncode else result.stdout)


def _end(process: subprocess.Popen[str]) -> None:
    """End a program with what it has started: az is a script whose Python would go on alone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(process.pid)
        for member in (*leader.children(recursive=True), leader):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.terminate()
