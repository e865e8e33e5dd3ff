"""Which locks and processes stand in the way after an update was killed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import process_tree
from lab.adapters.locks import Lock
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.services.recovery import end_orphans, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Spawn


class Held(Stack):
    """A stack that processes hold, one after the other."""

    def __init__(self, *locks: Lock | None) -> None:
        super().__init__("kim")
        self.locks, self.cancelled = list(locks), False

    def lock(self) -> Lock | None:
        return self.locks[0]

    def cancel(self) -> None:
        self.cancelled = True

    def next(self, _: Lock) -> None:
        self.locks.pop(0)


DEAD = Lock(pid=2**31 - 1, since="noon")
ELSEWHERE = Lock(pid=7, since="noon", host="desk")


def test_a_stack_that_nobody_holds_is_left_alone() -> None:
    stack = Held(None)

    assert not release(stack, print)
    assert not stack.cancelled


@pytest.mark.parametrize("wait", [None, Held.next])
def test_the_lock_of_a_killed_update_is_broken(wait: Callable[[Lock], object] | None) -> None:
    stack, said = Held(DEAD), list[str]()

    assert release(stack, said.append, wait=wait)
    assert stack.cancelled
    assert said == [f"breaking the lock of process {DEAD.pid}, which is gone"]


def test_a_lock_that_may_be_alive_is_refused_at_once_or_after_waiting() -> None:
    stack = Held(ELSEWHERE, ELSEWHERE)

    for wait in (None, stack.next):
        with pytest.raises(LabError, match="process 7 on desk has worked on stack kim since noon"):
            release(stack, print, wait=wait)

    assert len(stack.locks) == 1
    assert not stack.cancelled


@pytest.mark.parametrize("then", [None, DEAD])
def test_who_waits_goes_on_when_the_holder_ends_well_or_badly(then: Lock | None) -> None:
    stack = Held(ELSEWHERE, then)

    assert release(stack, print, wait=stack.next) is stack.cancelled is (then is not None)


def test_plugins_that_an_engine_of_the_users_own_left_are_ended_in_this_project_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    plugin = tmp_path / "own" / "plugins" / "pulumi-resource-kubernetes"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("echo ready; sleep 60")
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "clone")
    running = {}
    for folder in ("clone", "another"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        running[folder] = spawn("/bin/sh", str(plugin))

    assert end_orphans() >= 1
    assert running["another"].status() != psutil.STATUS_ZOMBIE
    assert not running["clone"].is_running() or running["clone"].status() == psutil.STATUS_ZOMBIE


def test_a_program_of_an_engine_at_work_is_no_orphan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    """It is the child of its language host: an update of another stack goes on."""
    program, host = tmp_path / "pulumi-language-python-exec", tmp_path / "pulumi-language-python"
    program.write_text("echo ready; sleep 60; true")
    host.write_text(f"/bin/sh {program}; true")
    engine = tmp_path / "pulumi"
    shutil.copy2("/bin/sh", engine)
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    running = spawn("/bin/sh", "-c", f"{engine} -c '/bin/sh {host}; true'; true")
    found = [each for each in running.children(recursive=True) if each.cmdline()[-1] == str(program)]

    end_orphans()

    assert [each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in found] == [True]
    process_tree.stop(running.children(recursive=True), grace=0)
