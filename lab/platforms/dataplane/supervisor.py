"""Keeps processes running: started again when they end, a few at a time, ended when nobody wants them any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

_PAUSE = 1.0
"""Seconds before a process that ended is started again."""

_GRACE = 10.0
"""Seconds between asking a process to end and ending it."""

_BIRTH = 10.0
"""Seconds until others are started beside a process that does not listen yet."""

_LOOK = 0.05
"""Seconds between two looks at whether it does."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is to run.

    Attributes:
        command: program and arguments.
        environment: all its variables, except PATH.
        log: what it says is appended here.
        folder: where it begins.
        port: where it will listen, for one that takes the processor a while until then; 0 for others.
        listening: called each time that it listens.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    port: int = 0
    listening: Callable[[], Awaitable[None]] | None = None


async def keep(program: Program, turns: asyncio.Semaphore) -> None:
    """Keep a program running until this task is cancelled.

    Args:
        program: what is to run.
        turns: how many of those with a port may be on their way to listening; it is first come, first served.
    """
    while True:
        async with contextlib.AsyncExitStack() as turn:
            if program.port:
                await turn.enter_async_context(turns)
            async with _process(program) as process:
                if program.port:
                    await _until_listening(process, program.port)
                await turn.aclose()
                if program.listening:
                    await program.listening()
                await process.wait()
        await asyncio.sleep(_PAUSE)


@contextlib.asynccontextmanager
async def _process(program: Program) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, which is ended if this is cancelled."""
    with program.log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], **program.environment},
            cwd=program.folder,
        )
    try:
        yield process
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
        raise


async def _until_listening(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until a process listens, has ended, or takes very long."""
    sockets = Path(f"/proc/{process.pid}/net/tcp")
    deadline = asyncio.get_running_loop().time() + _BIRTH
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(OSError):  # it has ended
            if listens(await asyncio.to_thread(sockets.read_text), port):
                return
        await asyncio.sleep(_LOOK)


def listens(sockets: str, port: int) -> bool:
    """Whether somebody listens on a port.

    Args:
        sockets: as the kernel lists them in `/proc/net/tcp`.
        port: which one.
    """
    return any(words[3] == "0A" and words[1].endswith(f":{port:04X}") for words in map(str.split, sockets.splitlines()))
