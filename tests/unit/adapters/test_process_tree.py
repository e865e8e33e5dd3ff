"""Processes that run: recognised for certain, ended for certain, and no stranger hurt."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import process_tree

if TYPE_CHECKING:
    from pathlib import Path

Eventually = Callable[[Callable[[], bool]], bool]
Spawn = Callable[..., psutil.Process]

STUBBORN = ("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
POLITE = ("/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done")


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "daemon.pid"


def test_a_daemon_is_found_by_its_pid_file_and_its_mark(spawn: Spawn, pid_file: Path) -> None:
    daemon = spawn("/bin/sleep", "30.125")
    pid_file.parent.mkdir()
    pid_file.write_text(f"{daemon.pid}\n")

    assert process_tree.find(pid_file, "30.125") == daemon


def test_a_stranger_with_the_same_pid_is_not_taken_for_a_daemon(spawn: Spawn, pid_file: Path) -> None:
    stranger = spawn("/bin/sleep", "30")
    pid_file.parent.mkdir()
    pid_file.write_text(f"{stranger.pid}\n")

    assert process_tree.find(pid_file, "--kubeconfig=/labs/dev/kubeconfig") is None
    assert process_tree.runs(stranger)


def test_a_mark_is_a_whole_word_so_one_lab_is_not_taken_for_another(spawn: Spawn, pid_file: Path) -> None:
    other = spawn("/bin/sh", "-c", "echo ready; while :; do sleep 0.05; done", "/labs/dev-2/kubeconfig")
    pid_file.parent.mkdir()
    pid_file.write_text(str(other.pid))

    assert process_tree.find(pid_file, "/labs/dev-2/kubeconfig") == other
    assert process_tree.find(pid_file, "/labs/dev") is None


@pytest.mark.parametrize("content", ["", "not a number", "99999999", "-1", "0x10"])
def test_a_pid_file_that_leads_nowhere_is_a_process_that_does_not_run(pid_file: Path, content: str) -> None:
    pid_file.parent.mkdir()
    pid_file.write_text(content)

    assert process_tree.find(pid_file, "sleep") is None


def test_no_pid_file_is_a_process_that_does_not_run(pid_file: Path) -> None:
    assert process_tree.find(pid_file, "sleep") is None


def test_a_process_that_nobody_has_collected_does_not_run(spawn: Spawn, pid_file: Path, eventually: Eventually) -> None:
    zombie = spawn("/bin/sleep", "30")
    pid_file.parent.mkdir()
    pid_file.write_text(str(zombie.pid))
    zombie.kill()

    assert eventually(lambda: zombie.status() == psutil.STATUS_ZOMBIE)
    assert process_tree.find(pid_file, "30") is None


def test_a_polite_process_is_given_the_time_to_end_by_itself(spawn: Spawn) -> None:
    daemon = spawn(*POLITE)

    process_tree.stop([daemon], grace=2)

    assert daemon.wait(1) == 0


def test_a_stubborn_process_is_ended_when_its_time_is_over(spawn: Spawn) -> None:
    daemon = spawn(*STUBBORN)

    process_tree.stop([daemon], grace=0.2)

    assert not process_tree.runs(daemon)


def test_without_grace_a_process_ends_at_once(spawn: Spawn) -> None:
    daemon = spawn(*STUBBORN)
    begin = time.monotonic()

    process_tree.stop([daemon], grace=0)

    assert not process_tree.runs(daemon)
    assert time.monotonic() - begin < 3


def test_processes_are_asked_together_and_waited_for_once(spawn: Spawn) -> None:
    daemons = [spawn(*STUBBORN) for _ in range(4)]
    begin = time.monotonic()

    process_tree.stop(iter(daemons), grace=1.5)

    assert [process_tree.runs(daemon) for daemon in daemons] == [False] * 4
    assert time.monotonic() - begin < 4.5, "one after the other they would take 6 s"


def test_stopping_does_not_wait_longer_than_the_processes_need(spawn: Spawn) -> None:
    begin = time.monotonic()

    process_tree.stop([spawn("/bin/sleep", "30")], grace=5)

    assert time.monotonic() - begin < 3


def test_what_has_ended_already_is_no_trouble(spawn: Spawn) -> None:
    daemon = spawn("/bin/sleep", "30")
    daemon.kill()
    daemon.wait(1)

    process_tree.stop([daemon])
    process_tree.stop([])


def test_a_process_too_young_to_have_a_command_line_is_waited_for(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = spawn("/bin/sleep", "30.25")
    (tmp_path / "pid").write_text(str(daemon.pid))
    answers = iter([[], [], ["/bin/sleep", "30.25"]])
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: next(answers))
    assert process_tree.find(tmp_path / "pid", "30.25") == daemon


def test_a_tree_is_ended_with_what_its_root_has_started(spawn: Spawn) -> None:
    root = spawn("/bin/sh", "-c", "sh -c 'sleep 60 & wait' & echo ready; wait")
    while len(family := root.children(recursive=True)) < 2:
        time.sleep(0.01)

    process_tree.stop_tree(root.pid, grace=0)

    assert not any(process_tree.runs(each) for each in (root, *family))


def test_what_a_process_starts_after_it_was_listed_is_ended_too(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, eventually: Eventually
) -> None:
    go, born = tmp_path / "go", tmp_path / "born"
    root = spawn("/bin/sh", "-c", f"echo ready; while [ ! -e {go} ]; do :; done; sleep 60 & echo $! > {born}; wait")
    listed = process_tree.tree

    def list_and_let_it_start_another(pid: int) -> list[psutil.Process]:
        found = listed(pid)
        go.touch()
        assert eventually(lambda: born.exists() and born.read_text().endswith("\n"))
        return found

    monkeypatch.setattr(process_tree, "tree", list_and_let_it_start_another)
    process_tree.stop_tree(root.pid, grace=0)

    assert not any(process_tree.runs(each) for each in psutil.process_iter() if each.pid == int(born.read_text()))


def test_a_tree_that_is_gone_is_no_trouble() -> None:
    process_tree.stop_tree(2**22 + 1)
