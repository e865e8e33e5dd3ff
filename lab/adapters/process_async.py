"""What `process` does, for programs of an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import TYPE_CHECKING

from lab.adapters.process_tree import GRACE, stop_tree

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes; an object of the API server is at most a fifth of it."""


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, log: Path, grace: float = GRACE
) -> AsyncIterator[Process]:
    """Run a command until the block ends or it does; its output is appended to a log."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
        )
    try:
        yield process
    finally:
        await _end(process, grace)


async def lines(command: Sequence[str], *, environment: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Run a command and give each line of its output as it comes."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, limit=_LONGEST_LINE
    )
    try:
        while process.stdout and (line := await process.stdout.readline()):
            yield line
    finally:
        await _end(process, grace=0)


async def _end(process: Process, grace: float) -> None:
    if process.returncode is not None:
        return
    await asyncio.to_thread(stop_tree, process.pid, grace=grace)
    await process.wait()
