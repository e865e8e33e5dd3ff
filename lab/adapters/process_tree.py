"""Processes that run already: found by pid files and command lines, ended with all that they have started."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from lab.core.wait import poll

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

GRACE = 5.0
"""Seconds between asking a process to end and ending it."""

_INTERVAL = 0.02
"""Seconds between two looks at whether it has ended."""

_BIRTH_TIMEOUT = 1.0
"""Seconds that a new process may be without a command line; it is microseconds unless the machine is very busy."""


def find(pid_file: Path, mark: str) -> psutil.Process | None:
    """Return the running process behind a pid file.

    After a reboot its pid may belong to a stranger, so the command line must match as well.

    Args:
        pid_file: as `process.start_detached` or kwokctl wrote it.
        mark: a word of the command line that only this process of this lab has.
    """
    try:
        process = psutil.Process(int(pid_file.read_text()))
        # For a moment after a process has started, the kernel does not know its command line yet.
        command = poll(lambda: process.cmdline() or [""] * (not runs(process)), timeout=_BIRTH_TIMEOUT, interval=0.01)
    except (OSError, ValueError, psutil.Error):
        return None
    return process if mark in command and runs(process) else None


def find_all(*commands: Collection[str]) -> list[psutil.Process]:
    """Return what runs with all the words of one of these command lines: a pid file may be gone, or name a stranger.

    Args:
        commands: words that together only one process of one lab has.
    """
    found = []
    for process in psutil.process_iter():
        words = set(command(process))
        if any(words.issuperset(each) for each in commands) and runs(process):
            found.append(process)
    return found


def command(process: psutil.Process) -> list[str]:
    """Return a process' command line; empty when it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def runs(process: psutil.Process) -> bool:
    """Return False for one that has ended, also while its parent has not collected it yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def frozen(process: psutil.Process) -> bool:
    """Check for a process that was stopped by a signal or a debugger: it keeps its pid and ports, and never answers."""
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.NoSuchProcess:
        return False


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and everything that descends from it; nothing when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that have not ended."""
    return [process for process in processes if runs(process)]


def terminate(processes: Iterable[psutil.Process]) -> None:
    """Ask processes to end."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()


def kill(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Kill processes with all that they have started, and return them.

    Each is stopped before its children are listed: one that still runs may start another in between, which nobody
    would find afterwards.
    """
    stopped: list[psutil.Process] = []
    found = list(processes)
    while found:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.suspend()
        stopped += found
        found = [child for process in found for child in tree(process.pid)[1:] if child not in stopped]
    for process in stopped:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return stopped


def stop(processes: Iterable[psutil.Process], *, grace: float = GRACE) -> None:
    """End processes; those that are gone already are ignored.

    Args:
        processes: what to end.
        grace: seconds between SIGTERM and SIGKILL; 0 kills at once.
    """
    targets = list(processes)
    if grace:
        terminate(targets)
        poll(lambda: not running(targets), timeout=grace, interval=_INTERVAL)
    killed = kill(running(targets))
    poll(lambda: not running(killed), timeout=GRACE, interval=_INTERVAL)


def stop_tree(pid: int, *, grace: float = GRACE) -> None:
    """End a process and everything that descends from it."""
    stop(tree(pid), grace=grace)
