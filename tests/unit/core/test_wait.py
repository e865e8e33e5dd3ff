"""Waiting: as short as possible, never longer than allowed, and with a name for what did not happen."""

from __future__ import annotations

import asyncio
import time

import pytest

from lab.core.errors import LabError
from lab.core.wait import poll, poll_async, wait_until


def test_the_value_that_was_waited_for_is_returned() -> None:
    values = iter([None, "", "there"])

    assert wait_until(lambda: next(values), timeout=5, interval=0, what="nothing came") == "there"


def test_what_holds_already_is_not_waited_for() -> None:
    begin = time.monotonic()

    assert wait_until(lambda: True, timeout=5, interval=5, what="nothing came")
    assert time.monotonic() - begin < 1


def test_who_did_not_come_is_named_with_what_to_do() -> None:
    with pytest.raises(LabError) as late:
        wait_until(lambda: False, timeout=0.05, interval=0.01, what="istiod was not ready", remedy="see its log")

    assert late.value.message == "istiod was not ready after 0 s"
    assert late.value.remedy == "see its log"


def test_a_condition_ends_the_waiting_by_an_error() -> None:
    def ended() -> bool:
        raise LabError("istiod ended at once")

    with pytest.raises(LabError, match="ended at once"):
        wait_until(ended, timeout=60, what="istiod was not ready")


def test_the_last_check_is_made_when_the_time_is_up() -> None:
    begin = time.monotonic()

    assert poll(lambda: time.monotonic() - begin >= 0.2, timeout=0.2, interval=60)


def test_without_time_it_is_checked_once() -> None:
    checks: list[None] = []

    assert poll(lambda: checks.append(None), timeout=0) is None
    assert len(checks) == 1


def test_an_event_loop_goes_on_meanwhile() -> None:
    seen: list[str] = []

    async def both() -> bool:
        waiting = asyncio.create_task(poll_async(lambda: "told" in seen, timeout=5, interval=0.01))
        await asyncio.sleep(0)
        seen.append("told")
        return await waiting

    assert asyncio.run(both())
    assert not asyncio.run(poll_async(lambda: False, timeout=0.05, interval=0.01))
