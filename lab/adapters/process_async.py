"""What `process` does, for programs of an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import TYPE_CHECKING, TypeAlias

from lab.adapters import files, process_tree
from lab.core.wait import poll_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from pathlib import Path

Process: TypeAlias = asyncio.subprocess.Process

_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes; an object of the API server is at most a fifth of it."""


@contextlib.asynccontextmanager
async def running(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, log: Path, grace: float = process_tree.GRACE
) -> AsyncIterator[Process]:
    """Run a command until the block ends or it does; its output is appended to a log."""
    with files.append(log) as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            umask=files.PRIVATE,
        )
    try:
        yield process
    finally:
        await _end(process, grace)


async def lines(command: Sequence[str], *, environment: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
    """Run a command and give each line of its output as it comes."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        limit=_LONGEST_LINE,
        umask=files.PRIVATE,
    )
    try:
        while process.stdout and (line := await process.stdout.readline()):
            yield line
    finally:
        await _end(process, grace=0)
        with contextlib.suppress(TimeoutError):  # its pipe is closed at the end of the output only
            await asyncio.wait_for(process.communicate(), process_tree.GRACE)


async def _end(process: Process, grace: float) -> None:
    if process.returncode is not None:
        return
    family = process_tree.tree(process.pid)
    if grace:
        process_tree.terminate(family)
        await poll_async(lambda: not process_tree.running(family), timeout=grace)
    killed = process_tree.kill(process_tree.running(family))
    await poll_async(lambda: not process_tree.running(killed), timeout=process_tree.GRACE)
    await process.wait()
