"""Progress is readable in a log and on a terminal."""

from __future__ import annotations

import io
import re
import threading
import time

import pytest

from lab.cli.board import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_log_a_step_begins_with_what_is_usual_and_ends_with_what_it_took() -> None:
    log = io.StringIO()
    with Progress(log) as progress, progress.step("building istio (istioctl)", usual=262):
        pass
    first, last = log.getvalue().splitlines()
    assert re.fullmatch(r"\[ +0\.\ds\] building istio \(istioctl\) \.\.\. usual 262 s", first)
    assert re.fullmatch(r"\[ +0\.\ds\] building istio \(istioctl\): done in 0\.\d s", last)


def test_a_step_that_ends_by_an_exception_is_told_as_failed() -> None:
    log = io.StringIO()
    with Progress(log) as progress, pytest.raises(KeyError), progress.step("downloading etcd"):
        raise KeyError
    assert "downloading etcd: failed in" in log.getvalue()


def test_a_log_shows_signs_of_life_of_every_running_step() -> None:
    log = io.StringIO()
    with Progress(log, heartbeat=0.02) as progress, progress.step("one") as step, progress.step("two", usual=9):
        step.advance(5_000_000, 10_000_000)
        time.sleep(0.2)
    assert re.search(r"one \.\.\. 0 s so far \(50 % of 10 MB\)", log.getvalue())
    assert re.search(r"two \.\.\. 0 s so far \(usual 9 s\)", log.getvalue())


def test_a_log_has_no_control_characters() -> None:
    log = io.StringIO()
    with Progress(log) as progress, progress.step("one"):
        progress.line("said [bold]as it is[/bold]")
    assert "\x1b" not in log.getvalue()
    assert "said [bold]as it is[/bold]" in log.getvalue()


def test_steps_of_several_threads_never_mix_lines() -> None:
    log = io.StringIO()

    def work(number: int) -> None:
        for _ in range(50):
            with progress.step(f"step {number}"):
                pass

    with Progress(log) as progress:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = log.getvalue().splitlines()
    assert len(lines) == 4 * 50 * 2
    assert all(re.fullmatch(r"\[.+s\] step \d(?: \.\.\. ?|: done in .+ s)", line) for line in lines)


def test_a_terminal_shows_a_live_board_and_keeps_what_was_done() -> None:
    terminal = Terminal()
    with Progress(terminal) as progress:
        with progress.step("downloading kubectl") as step:
            step.advance(30_000_000, 60_000_000)
            time.sleep(0.3)
        progress.line("and [a line]")
    shown = terminal.getvalue()
    assert "50 % of 60 MB" in shown
    assert "downloading kubectl: done in 0.3 s" in shown
    assert "and [a line]" in shown
    assert "\x1b[" in shown


def test_a_download_of_unknown_length_tells_what_came() -> None:
    with Progress(quiet=True) as progress, progress.step("download", usual=9) as step:
        assert step.describe() == "usual 9 s"
        step.advance(7_000_000, None)
        assert step.describe() == "7 MB"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress, progress.step("one"):
        progress.line("two")
    assert capsys.readouterr() == ("", "")
