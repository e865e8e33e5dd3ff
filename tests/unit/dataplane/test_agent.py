"""The agent's end: with the lab's folder, whatever else it is at."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from lab.core import paths
from lab.core.wait import poll

if TYPE_CHECKING:
    from pathlib import Path

BUSY = """
import asyncio, pathlib, sys
from lab.platforms.dataplane import agent

async def never_ends():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("asked to end", flush=True)

async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(never_ends())
        group.create_task(agent.end_with(pathlib.Path(sys.argv[1])))
        print("begun", flush=True)

asyncio.run(main())
"""


def test_an_agent_ends_with_the_folder_of_its_lab_and_waits_for_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ready"
    mark.touch()
    command = [sys.executable, "-c", BUSY, str(mark)]
    with subprocess.Popen(command, cwd=paths.PROJECT, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        try:
            assert agent.stdout.readline() == "begun\n"
            # Its time tells others that the agent works.
            os.utime(mark, (0, 0))
            assert poll(lambda: mark.stat().st_mtime > 0, timeout=20)
            mark.unlink()
            assert agent.wait(timeout=20) == 0
            assert agent.stdout.read() == ""
        finally:
            agent.kill()
