"""What `process` does, for programs of an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import TYPE_CHECKING, TypeAlias

from lab.adapters import files, process_tree
from lab.core.wait import poll_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

Process: TypeAlias = asyncio.subprocess.Process


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


async def _end(process: Process, grace: float) -> None:
    if process.returncode is not None:
        return
    family = process_tree.tree(process.pid)
    process_tree.terminate(family)
    await poll_async(lambda: not process_tree.running(family), timeout=grace)
    killed = process_tree.kill(process_tree.running(family))
    await poll_async(lambda: not process_tree.running(killed), timeout=process_tree.GRACE)
    await process.wait()
