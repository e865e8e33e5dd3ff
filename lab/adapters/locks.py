"""Locks of a stack in a file backend: a folder of files, each written by the process that works on the stack."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from lab.adapters import process_tree

if TYPE_CHECKING:
    from pathlib import Path

_NOBODY = 0
"""No process of a user has this id."""

_UNKNOWN = "an unknown time"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """The holder of a stack of a file backend.

    Attributes:
        pid: process id on that machine.
        since: when it took the lock, as Pulumi wrote it.
        host: name of another machine; empty for this one.
    """

    pid: int
    since: str
    host: str = ""

    @property
    def holder(self) -> str:
        """The process as messages call it."""
        if self.pid == _NOBODY:
            return "an unknown process"
        return f"process {self.pid} on {self.host}" if self.host else f"process {self.pid}"

    @property
    def alive(self) -> bool:
        """Check that the process still runs; after a reboot its number may belong to a stranger.

        One on another machine cannot be seen from here and so counts as alive. One that has ended may keep its number:
        in a container often nobody asks how it ended.
        """
        return bool(self.host) or ((process := self._process()) is not None and process_tree.runs(process))

    @property
    def frozen(self) -> bool:
        """Check that the process was stopped, as by Ctrl-Z, so that it does not go on by itself."""
        return not self.host and (process := self._process()) is not None and process_tree.frozen(process)

    def patience(self, stack: str) -> str:
        """Return what to do while the process may be at work.

        Args:
            stack: name of the stack that it holds.
        """
        if self.host:
            return f"wait for it to end; if it was killed there: pulumi cancel --yes --stack {stack}"
        if self.frozen:
            return f"it was stopped, as by Ctrl-Z: run fg in its own terminal, or end it: kill -9 {self.pid}"
        return "wait for it to end, or end it with Ctrl-C in its own terminal"

    def _process(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.Error, ValueError, OverflowError):
            process = psutil.Process(self.pid)
            return process if process.name() == "pulumi" else None
        return None


def held(folder: Path, *, here: str) -> Lock | None:
    """Return the lock of a process that may be at work, else any lock, else None.

    Every file counts, whatever its name: Pulumi looks at each of them. One that was cut off while it was written, as
    on a full disk, is nobody's.

    Args:
        folder: the locks of one stack.
        here: name of this machine; empty where every lock was written on it.
    """
    found = [_read(file, here=here) for file in _files(folder)]
    return next((lock for lock in found if lock.alive), found[0] if found else None)


def remove(folder: Path, *, here: str) -> None:
    """Delete the locks whose holders are gone."""
    for file in _files(folder):
        if not _read(file, here=here).alive:
            file.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if not file.is_dir()) if folder.is_dir() else []


def _read(file: Path, *, here: str) -> Lock:
    with contextlib.suppress(
        OSError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, RecursionError
    ):
        content = json.loads(file.read_text(encoding="utf-8"))
        host = str(content.get("hostname") or "")
        elsewhere = bool(here) and host not in ("", here)
        since = str(content.get("timestamp") or _UNKNOWN)
        return Lock(pid=int(content["pid"]), since=since, host=host if elsewhere else "")
    return Lock(pid=_NOBODY, since=_UNKNOWN)
