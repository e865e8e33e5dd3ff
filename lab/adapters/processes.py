"""Host processes that outlive the command which started them: how they are started, recognised and stopped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_PATIENCE = 5.0
"""Seconds between asking a process to end and ending it."""

_BIRTH = 1.0
"""Seconds that a new process may be without a command line; it is microseconds unless the machine is very busy."""


_DETACHED: list[subprocess.Popen[bytes]] = []
"""Python warns of a child that it forgets while it runs; these are meant to outlive this process."""


def start(command: Sequence[str], *, pid_file: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Start a detached process in a session of its own, so that Ctrl-C in a terminal does not reach it.

    Args:
        command: program and arguments.
        pid_file: written once the process runs.
        log: standard output and error are appended here.
        environment: added to this process's own environment.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=pid_file.parent,
            start_new_session=True,
        )
    pid_file.write_text(f"{child.pid}\n")
    _DETACHED.append(child)


def find(pid_file: Path, mark: str) -> psutil.Process | None:
    """The running process behind a pid file, or None.

    A pid alone proves nothing: after a reboot it may belong to a stranger. The command line must match as well.

    Args:
        pid_file: as `start` or kwokctl wrote it.
        mark: a word of the command line that only this process of this lab has.
    """
    try:
        process = psutil.Process(int(pid_file.read_text()))
        command = _command_line(process)
    except (OSError, ValueError, psutil.Error):
        return None
    return process if mark in command and _runs(process) else None


def _command_line(process: psutil.Process) -> list[str]:
    """The words of a process's command line; for a moment after it has started, the kernel does not know them yet."""
    deadline = time.monotonic() + _BIRTH
    while not (words := process.cmdline()) and _runs(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return words


def stop(processes: Iterable[psutil.Process], *, patience: float = _PATIENCE) -> None:
    """End processes: ask first, then insist.

    Args:
        processes: what to end; those already gone are ignored.
        patience: seconds to wait between SIGTERM and SIGKILL; 0 kills at once.
    """
    targets = list(processes)
    for process in targets:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate() if patience else process.kill()
    for process in _still_running(targets, patience):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _still_running(targets, _PATIENCE)


def _still_running(targets: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end and return those that did not.

    One that ended but was not yet collected by its parent counts as ended: a container's first process may take its
    time to collect strangers' children.
    """
    deadline = time.monotonic() + seconds
    running = [process for process in targets if _runs(process)]
    while running and time.monotonic() < deadline:
        time.sleep(0.02)
        running = [process for process in running if _runs(process)]
    return running


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
