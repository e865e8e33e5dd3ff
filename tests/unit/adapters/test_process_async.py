"""Programs beside an event loop: their output, and the end of all they have started."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import process_async
from lab.adapters.process_tree import runs
from lab.core.wait import poll_async

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = {"PATH": os.defpath}


def gone(pid: int) -> bool:
    try:
        return not runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def test_output_goes_to_the_log_and_nothing_else_is_in_the_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def run() -> int:
        command = ["/bin/sh", "-c", 'echo "$ADDED$HOME"; pwd -P >&2']
        async with process_async.running(command, environment={"ADDED": "1"}, cwd=tmp_path, log=log) as process:
            return await process.wait()

    assert asyncio.run(run()) == 0
    assert log.read_text() == f"1\n{tmp_path.resolve()}\n"


@pytest.mark.parametrize(
    ("trap", "code"), [("exit 0", 0), ("", -signal.SIGKILL)], ids=["in order where it listens", "by force"]
)
def test_a_task_that_is_cancelled_ends_its_command_with_all_that_it_has_started(
    tmp_path: Path, trap: str, code: int
) -> None:
    log = tmp_path / "log"
    command = ["/bin/sh", "-c", f"trap '{trap}' TERM; sleep 60 & echo $!; while :; do sleep 0.02; done"]
    processes: list[process_async.Process] = []

    async def run() -> None:
        async with process_async.running(command, environment=VARIABLES, cwd=tmp_path, log=log, grace=0.5) as process:
            processes.append(process)
            await process.wait()

    async def cancelled() -> None:
        task = asyncio.create_task(run())
        assert await poll_async(lambda: log.exists() and log.read_text(), timeout=5, interval=0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(cancelled(), 10))

    assert processes[0].returncode == code
    assert gone(int(log.read_text().split()[0])), "its shell may have said that it was terminated"
