"""Programs that are started: their output, their failures, their time limit, and the end of all they have started."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import environment, process
from lab.adapters.process_tree import runs
from lab.core.errors import LabError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Eventually = Callable[[Callable[[], bool]], bool]


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def gone(pid: int) -> bool:
    try:
        return not runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def noted(file: Path) -> int:
    """The process id that a script has written to a file."""
    deadline = time.monotonic() + 5
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return int(file.read_text())


class TestRun:
    def test_a_commands_output_and_messages_are_text(self) -> None:
        result = process.run(shell("echo out; echo err >&2"))

        assert result == process.Result(code=0, stdout="out\n", stderr="err\n")

    def test_output_is_utf8_whatever_the_locale_and_whatever_it_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LC_ALL", "POSIX")

        assert process.run(["/usr/bin/printf", r"\355\225\234 \377"]).stdout == "한 \ufffd"

    def test_a_command_reads_what_it_is_given_and_else_nothing(self) -> None:
        assert process.run(["/bin/cat"], stdin="한\n").stdout == "한\n"
        assert process.run(["/bin/cat"]).stdout == ""

    def test_a_command_gets_no_variable_of_the_users_shell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONWARNINGS", "error")

        assert "PYTHONWARNINGS" not in process.run(["/usr/bin/env"]).stdout

    def test_a_command_gets_the_variables_that_it_is_given(self) -> None:
        assert process.run(["/usr/bin/env"], environment={"A": "1"}).stdout == "A=1\n"

    def test_a_command_runs_where_it_is_told(self, tmp_path: Path) -> None:
        assert process.run(shell("pwd -P"), cwd=tmp_path).stdout.strip() == str(tmp_path.resolve())

    def test_a_failure_is_one_error_with_the_last_words(self) -> None:
        with pytest.raises(process.ProcessFailedError) as failed:
            process.run(shell("seq 100 >&2; exit 3"), title="counting", remedy="count less")

        assert failed.value.message == "counting failed: " + "\n".join(map(str, range(81, 101)))
        assert failed.value.remedy == "count less"
        assert failed.value.result.code == 3
        assert isinstance(failed.value, LabError)

    @pytest.mark.parametrize(
        ("script", "reason"),
        [
            ("echo printed; exit 1", "printed"),
            ("exit 7", "it ended with code 7 and gave no reason"),
            ("kill -KILL $$", "it was ended by SIGKILL"),
        ],
    )
    def test_a_failure_without_messages_has_a_reason_too(self, script: str, reason: str) -> None:
        with pytest.raises(LabError, match=f"failed: {reason}$"):
            process.run(shell(script))

    def test_a_failure_is_named_by_program_and_first_words(self, tmp_path: Path) -> None:
        program = tmp_path / "az"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)

        with pytest.raises(LabError, match=r"^az acr build failed: "):
            process.run([str(program), "acr", "build", "--name", "x"])

    def test_a_failure_may_be_the_callers_matter(self) -> None:
        assert process.run(shell("exit 3"), check=False).code == 3

    def test_a_program_that_is_missing_is_named(self) -> None:
        with pytest.raises(process.CannotStartError, match="no-such-program is not installed"):
            process.run(["no-such-program"])

    def test_a_file_that_is_no_program_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "tool").write_text("no program")
        (tmp_path / "tool").chmod(0o755)

        with pytest.raises(process.CannotStartError, match="tool cannot be started: Exec format error"):
            process.run([str(tmp_path / "tool")])

    def test_a_missing_folder_is_not_taken_for_a_missing_program(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="there is no folder"):
            process.run(["/bin/true"], cwd=tmp_path / "none")

    def test_a_command_that_hangs_is_ended_with_all_that_it_has_started(self, tmp_path: Path) -> None:
        begin = time.monotonic()

        with pytest.raises(process.ProcessTimeoutError, match=r"^sh did not answer within 0 s"):
            process.run(shell(f"sleep 60 & echo $! > {tmp_path}/pid; trap '' TERM; wait"), timeout=0.4)

        assert time.monotonic() - begin < 5
        assert gone(noted(tmp_path / "pid"))

    def test_an_interrupt_ends_a_command_with_all_that_it_has_started(self, tmp_path: Path) -> None:
        def interrupt() -> None:
            noted(tmp_path / "pid")
            time.sleep(0.2)  # this process is then sure to wait for the command
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            process.run(shell(f"sleep 60 & echo $! > {tmp_path}/pid; wait"))

        assert gone(noted(tmp_path / "pid"))

    def test_a_session_of_its_own_is_for_commands_that_leave_servers_behind(self) -> None:
        own = "import os; print(os.getsid(0))"

        assert int(process.run([sys.executable, "-c", own]).stdout) == os.getsid(0)
        assert int(process.run([sys.executable, "-c", own], new_session=True).stdout) != os.getsid(0)


class TestInteract:
    def test_the_exit_code_is_returned(self) -> None:
        assert process.interact(shell("exit 4")) == 4

    def test_the_end_by_a_signal_is_told_as_a_shell_does(self) -> None:
        assert process.interact(shell("kill -TERM $$")) == 128 + signal.SIGTERM

    def test_the_terminal_is_the_commands(self, tmp_path: Path) -> None:
        (tmp_path / "in").write_text("typed\n")
        with (tmp_path / "in").open() as typed, (tmp_path / "out").open("w") as shown:
            before = os.dup(0), os.dup(1)
            os.dup2(typed.fileno(), 0)
            os.dup2(shown.fileno(), 1)
            try:
                process.interact(["/bin/cat"])
            finally:
                os.dup2(before[0], 0)
                os.dup2(before[1], 1)
                for descriptor in before:
                    os.close(descriptor)
        assert (tmp_path / "out").read_text() == "typed\n"

    def test_ctrl_c_is_left_to_the_command(self) -> None:
        # Ctrl-C reaches both, as in a terminal. The command takes its time to end in order.
        script = "trap 'sleep 0.2; exit 5' INT; kill -INT $PPID; kill -INT $$; sleep 5"

        assert process.interact(shell(script)) == 5

    def test_afterwards_ctrl_c_is_for_this_process_again(self) -> None:
        before = signal.getsignal(signal.SIGINT)

        process.interact(["/bin/true"])

        assert signal.getsignal(signal.SIGINT) is before


class TestRunning:
    def test_lines_are_handed_over_as_they_come(self, tmp_path: Path, eventually: Eventually) -> None:
        lines: list[str] = []

        script = f"echo one; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo two"
        with process.Running(shell(script), on_line=lines.append) as running:
            assert eventually(lambda: lines == ["one"])
            (tmp_path / "go").touch()
            assert running.wait(5) == 0

        assert lines == ["one", "two"]

    def test_messages_are_lines_of_the_output_unless_somebody_wants_them_apart(self) -> None:
        both: list[str] = []
        out: list[str] = []
        messages: list[str] = []

        with process.Running(shell("echo err >&2"), on_line=both.append) as running:
            running.wait(5)
        with process.Running(shell("echo o; echo e >&2"), on_line=out.append, on_message=messages.append) as running:
            running.wait(5)

        assert (both, out, messages) == (["err"], ["o"], ["e"])

    def test_output_may_be_appended_to_a_log(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("earlier\n")

        with process.Running(shell("echo out; echo err >&2"), log=log) as running:
            running.wait(5)

        assert log.read_text() == "earlier\nout\nerr\n"

    def test_a_command_that_nobody_listens_to_does_not_stop_at_a_full_pipe(self) -> None:
        with process.Running(shell("seq 100000")) as running:
            assert running.wait(10) == 0

    def test_one_that_runs_has_no_code_yet(self) -> None:
        with process.Running(["/bin/sleep", "60"]) as running:
            assert running.code is None
            assert running.wait(0.05) is None
        assert running.code == -signal.SIGTERM
        assert running.finished

    def test_the_end_of_the_block_ends_it_with_all_that_it_has_started(self, tmp_path: Path) -> None:
        with process.Running(shell(f"sleep 60 & echo $! > {tmp_path}/pid; wait")) as running:
            child = noted(tmp_path / "pid")

        assert running.code is not None
        assert gone(child)

    def test_one_that_reads_is_told_to_end_by_the_end_of_its_input(self) -> None:
        lines: list[str] = []

        with process.Running(shell("cat; echo end of input"), stdin=True, on_line=lines.append) as running:
            assert running.wait(0.1) is None
            running.close_stdin()
            assert running.wait(5) == 0

        assert lines == ["end of input"]

    def test_one_that_does_not_listen_is_killed(self) -> None:
        ready = threading.Event()
        begin = time.monotonic()

        script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
        with process.Running(shell(script), stdin=True, on_line=lambda _: ready.set(), grace=0.2) as running:
            ready.wait(5)

        assert running.code == -signal.SIGKILL
        assert time.monotonic() - begin < 5

    def test_a_group_of_its_own_keeps_ctrl_c_away(self) -> None:
        with process.Running(["/bin/sleep", "60"], new_group=True) as running:
            assert os.getpgid(running.pid) == running.pid != os.getpgid(0)


class TestDetached:
    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        return tmp_path / "logs" / "server.log"

    @pytest.fixture
    def start(
        self, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[..., psutil.Process]]:
        """Start a server as the lab does; the test ends it."""
        children: list[subprocess.Popen[str]] = []
        monkeypatch.setattr(process, "_DETACHED", children)

        def start(*command: str, variables: Mapping[str, str] | None = None) -> psutil.Process:
            pid_file = tmp_path / "run" / "server.pid"
            process.start_detached(command, pid_file=pid_file, log=log, environment=variables)
            return psutil.Process(int(pid_file.read_text()))

        yield start
        for child in children:
            child.kill()
            child.wait(2)

    def test_a_server_leads_a_session_of_its_own_so_that_ctrl_c_passes_it_by(
        self, start: Callable[..., psutil.Process]
    ) -> None:
        server = start("/bin/sleep", "30")

        assert os.getsid(server.pid) == server.pid != os.getsid(0)

    def test_a_server_carries_nothing_of_the_users_shell(
        self, start: Callable[..., psutil.Process], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.test:3128")

        server = start("/bin/sleep", "30", variables=environment.make(ADDED="two"))

        carried = server.environ()
        assert carried["ADDED"] == "two"
        assert not {"DATABASE_PASSWORD", "HTTPS_PROXY"} & set(carried)

    def test_a_servers_log_has_its_errors_and_those_of_its_earlier_lives(
        self, start: Callable[..., psutil.Process], log: Path, eventually: Eventually
    ) -> None:
        log.parent.mkdir()
        log.write_text("an earlier life\n")

        start("/bin/sh", "-c", "echo out; echo err >&2; exec sleep 30")

        assert eventually(lambda: log.read_text() == "an earlier life\nout\nerr\n")

    def test_a_server_reads_nothing_from_the_terminal(
        self, start: Callable[..., psutil.Process], log: Path, eventually: Eventually
    ) -> None:
        start("/bin/sh", "-c", "cat; echo end of input; exec sleep 30")

        assert eventually(lambda: log.read_text() == "end of input\n")

    def test_a_program_that_is_not_there_leaves_no_pid_file(self, tmp_path: Path, log: Path) -> None:
        with pytest.raises(process.CannotStartError):
            process.start_detached(["/no/such/program"], pid_file=tmp_path / "pid", log=log)

        assert not (tmp_path / "pid").exists()


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"1\n2\n3\nbad \xff byte\n")

    assert process.tail(log, lines=2) == "3\nbad \ufffd byte"
    assert process.tail(log).startswith("1\n")


def test_a_log_that_is_not_there_has_no_tail(tmp_path: Path) -> None:
    assert process.tail(tmp_path / "log") == ""


ORPHAN = textwrap.dedent("""
    import os, signal
    from lab.adapters import process
    with process.Running(["/bin/sh", "-c", "cat; exit"], stdin=True) as running:
        print(running.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
""")


def test_one_that_reads_also_ends_when_this_process_is_killed(eventually: Eventually) -> None:
    killed = process.run([sys.executable, "-c", ORPHAN], check=False)

    assert killed.code == -signal.SIGKILL
    assert eventually(lambda: gone(int(killed.stdout)))
