"""Host processes: started apart from the terminal, recognised for certain, ended for certain, and no stranger hurt."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import processes

if TYPE_CHECKING:
    from pathlib import Path

# Daemons outlive the object that started them: that is their point.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

Eventually = Callable[[Callable[[], bool]], bool]
Spawn = Callable[..., psutil.Process]

STUBBORN = ("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
POLITE = ("/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done")


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "daemon.pid"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "daemon.log"


@pytest.fixture
def start(pid_file: Path, log: Path) -> Iterator[Callable[..., psutil.Process]]:
    """Start a daemon as the lab does; the test ends it."""
    started: list[psutil.Process] = []

    def start(*command: str, environment: Mapping[str, str] | None = None) -> psutil.Process:
        processes.start(command, pid_file=pid_file, log=log, environment=environment)
        started.append(psutil.Process(int(pid_file.read_text())))
        return started[-1]

    yield start
    for process in started:
        if runs(process):
            process.kill()
        process.wait(2)


def test_a_daemon_is_found_again_by_its_pid_file_and_its_mark(
    start: Callable[..., psutil.Process], pid_file: Path
) -> None:
    daemon = start("/bin/sleep", "30.125")

    assert processes.find(pid_file, "30.125") == daemon


def test_a_daemon_leads_a_session_of_its_own_so_that_ctrl_c_passes_it_by(start: Callable[..., psutil.Process]) -> None:
    daemon = start("/bin/sleep", "30")

    assert os.getsid(daemon.pid) == daemon.pid != os.getsid(0)


def test_a_daemon_gets_the_variables_that_it_is_given_besides_the_rest(
    start: Callable[..., psutil.Process], log: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_THE_USER", "one")

    start("/bin/sh", "-c", 'echo "$FROM_THE_USER $ADDED"; exec sleep 30', environment={"ADDED": "two"})

    assert eventually(lambda: log.read_text() == "one two\n")
    assert "ADDED" not in os.environ


def test_a_daemons_log_has_its_errors_and_those_of_its_earlier_lives(
    start: Callable[..., psutil.Process], log: Path, eventually: Eventually
) -> None:
    log.parent.mkdir()
    log.write_text("an earlier life\n")

    start("/bin/sh", "-c", "echo out; echo err >&2; exec sleep 30")

    assert eventually(lambda: log.read_text() == "an earlier life\nout\nerr\n")


def test_a_daemon_reads_nothing_from_the_terminal(
    start: Callable[..., psutil.Process], log: Path, eventually: Eventually
) -> None:
    start("/bin/sh", "-c", "cat; echo end of input; exec sleep 30")

    assert eventually(lambda: log.read_text() == "end of input\n")


def test_a_program_that_is_not_there_leaves_no_pid_file(pid_file: Path, log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        processes.start(["/no/such/program"], pid_file=pid_file, log=log)

    assert not pid_file.exists()


def test_a_stranger_with_the_same_pid_is_not_taken_for_a_daemon(spawn: Spawn, pid_file: Path) -> None:
    stranger = spawn("/bin/sleep", "30")
    pid_file.parent.mkdir()
    pid_file.write_text(f"{stranger.pid}\n")

    assert processes.find(pid_file, "--kubeconfig=/labs/dev/kubeconfig") is None
    assert runs(stranger)


def test_a_mark_is_a_whole_word_so_one_lab_is_not_taken_for_another(spawn: Spawn, pid_file: Path) -> None:
    other = spawn("/bin/sh", "-c", "echo ready; while :; do sleep 0.05; done", "/labs/dev-2/kubeconfig")
    pid_file.parent.mkdir()
    pid_file.write_text(str(other.pid))

    assert processes.find(pid_file, "/labs/dev-2/kubeconfig") == other
    assert processes.find(pid_file, "/labs/dev") is None


@pytest.mark.parametrize("content", ["", "not a number", "99999999", "-1", "0x10"])
def test_a_pid_file_that_leads_nowhere_is_a_process_that_does_not_run(pid_file: Path, content: str) -> None:
    pid_file.parent.mkdir()
    pid_file.write_text(content)

    assert processes.find(pid_file, "sleep") is None


def test_no_pid_file_is_a_process_that_does_not_run(pid_file: Path) -> None:
    assert processes.find(pid_file, "sleep") is None


def test_a_process_that_nobody_has_collected_does_not_run(spawn: Spawn, pid_file: Path, eventually: Eventually) -> None:
    zombie = spawn("/bin/sleep", "30")
    pid_file.parent.mkdir()
    pid_file.write_text(str(zombie.pid))
    zombie.kill()

    assert eventually(lambda: zombie.status() == psutil.STATUS_ZOMBIE)
    assert processes.find(pid_file, "30") is None


def test_a_polite_process_is_given_the_time_to_end_by_itself(spawn: Spawn) -> None:
    daemon = spawn(*POLITE)

    processes.stop([daemon], patience=2)

    assert daemon.wait(1) == 0


def test_a_stubborn_process_is_ended_when_patience_is_over(spawn: Spawn) -> None:
    daemon = spawn(*STUBBORN)

    processes.stop([daemon], patience=0.2)

    assert not runs(daemon)


def test_without_patience_a_process_ends_at_once(spawn: Spawn) -> None:
    daemon = spawn(*STUBBORN)
    begin = time.monotonic()

    processes.stop([daemon], patience=0)

    assert not runs(daemon)
    assert time.monotonic() - begin < 3


def test_processes_are_asked_together_and_waited_for_once(spawn: Spawn) -> None:
    daemons = [spawn(*STUBBORN) for _ in range(4)]
    begin = time.monotonic()

    processes.stop(iter(daemons), patience=1.5)

    assert [runs(daemon) for daemon in daemons] == [False] * 4
    assert time.monotonic() - begin < 4.5, "one after the other they would take 6 s"


def test_stopping_does_not_wait_longer_than_the_processes_need(spawn: Spawn) -> None:
    begin = time.monotonic()

    processes.stop([spawn("/bin/sleep", "30")], patience=5)

    assert time.monotonic() - begin < 3


def test_what_has_ended_already_is_no_trouble(spawn: Spawn) -> None:
    daemon = spawn("/bin/sleep", "30")
    daemon.kill()
    daemon.wait(1)

    processes.stop([daemon])
    processes.stop([])


def test_the_tail_of_a_log_is_its_last_lines(log: Path) -> None:
    log.parent.mkdir()
    log.write_bytes(b"1\n2\n3\nbad \xff byte\n")

    assert processes.tail(log, lines=2) == "3\nbad \ufffd byte"
    assert processes.tail(log).startswith("1\n")


def test_a_log_that_is_not_there_has_no_tail(log: Path) -> None:
    assert processes.tail(log) == ""


def test_a_process_too_young_to_have_a_command_line_is_waited_for(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = spawn("/bin/sleep", "30.25")
    (tmp_path / "pid").write_text(str(daemon.pid))
    answers = iter([[], [], ["/bin/sleep", "30.25"]])
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: next(answers))
    assert processes.find(tmp_path / "pid", "30.25") == daemon
