"""Supervision of processes: restarts, limited concurrency at start, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import process_async
from lab.core.wait import poll_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from lab.adapters.process_async import Process

_RESTART_DELAY = 1.0
"""Seconds before a process that ended is started again."""

_GRACE = 10.0
"""Seconds between asking a process to end and ending it."""

_LISTEN_TIMEOUT = 10.0
"""Seconds after which others are started beside a process that does not listen yet."""

_INTERVAL = 0.05
"""Seconds between two checks."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to keep running.

    Attributes:
        command: program and arguments.
        environment: all its variables, except PATH.
        log: what it says is appended here.
        folder: where it begins.
        port: where it will listen, for one that takes the processor a while until then; 0 for others.
        listening: called each time that it listens.
        ended: called with its exit code each time that it ends; returns the seconds until it is started again.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    port: int = 0
    listening: Callable[[], Awaitable[None]] | None = None
    ended: Callable[[int], Awaitable[float]] | None = None


async def keep(program: Program, turns: asyncio.Semaphore, again: asyncio.Semaphore | None = None) -> None:
    """Keep a program running until this task is cancelled.

    Args:
        program: what is to run.
        turns: how many of those with a port may be on their way to listening; it is first come, first served.
        again: the same for a program that has ended before, which must not be in the way of others.
    """
    while True:
        async with contextlib.AsyncExitStack() as turn:
            if program.port:
                await turn.enter_async_context(turns)
            variables = {"PATH": os.environ["PATH"], **program.environment}
            async with process_async.running(
                program.command, environment=variables, cwd=program.folder, log=program.log, grace=_GRACE
            ) as process:
                if program.port:
                    await _until_listening(process, program.port)
                await turn.aclose()
                if program.listening and process.returncode is None:
                    await program.listening()
                code = await process.wait()
        turns = again or turns
        await asyncio.sleep(await program.ended(code) if program.ended else _RESTART_DELAY)


async def _until_listening(process: Process, port: int) -> None:
    """Wait until a process listens, has ended, or takes very long."""
    sockets = Path(f"/proc/{process.pid}/net/tcp")

    def listening() -> bool:
        try:
            return process.returncode is not None or listens(sockets.read_text(), port)
        except OSError:  # it has ended
            return True

    await poll_async(listening, timeout=_LISTEN_TIMEOUT, interval=_INTERVAL)


def listens(sockets: str, port: int) -> bool:
    """Check for a listener on a port in the content of `/proc/net/tcp`."""
    return any(words[3] == "0A" and words[1].endswith(f":{port:04X}") for words in map(str.split, sockets.splitlines()))
