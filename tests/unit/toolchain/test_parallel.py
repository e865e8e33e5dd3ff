"""Jobs run at once, and the first that fails ends the rest."""

from __future__ import annotations

import threading
import time

import pytest

from lab.core.parallel import run_all


def test_jobs_start_in_order_and_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=5)
    started: list[int] = []

    def job(number: int) -> None:
        started.append(number)
        meeting.wait()

    run_all([lambda n=n: job(n) for n in range(4)], workers=2, cancelled=threading.Event())
    assert sorted(started[:2]) == [0, 1]
    assert sorted(started) == [0, 1, 2, 3]


def test_no_jobs_are_done_at_once() -> None:
    run_all([], workers=2, cancelled=threading.Event())


def test_a_failure_cancels_the_others_and_is_raised_as_it_was() -> None:
    cancelled = threading.Event()
    ended: list[bool] = []

    def fail() -> None:
        raise KeyError("first")

    begun = time.monotonic()
    with pytest.raises(KeyError, match="first"):
        run_all([lambda: ended.append(cancelled.wait(10)), fail], workers=2, cancelled=cancelled)
    assert ended == [True]
    assert time.monotonic() - begun < 5
