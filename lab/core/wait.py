"""Waiting for a condition, with a time limit."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERVAL = 0.1
"""Seconds between two checks."""

_T = TypeVar("_T")


def poll(condition: Callable[[], _T], *, timeout: float, interval: float = _INTERVAL) -> _T:
    """Check a condition until it is truthy or the time is up, at least once, and return its last value.

    Args:
        condition: raises to stop waiting early.
        timeout: seconds.
        interval: seconds between two checks.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()) and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(interval, left))
    return value


async def poll_async(condition: Callable[[], _T], *, timeout: float, interval: float = _INTERVAL) -> _T:  # noqa: ASYNC109 - seconds, as above
    """Do what `poll` does without blocking the event loop."""
    deadline = time.monotonic() + timeout
    while not (value := condition()) and (left := deadline - time.monotonic()) > 0:  # noqa: ASYNC110 - nothing tells of the condition
        await asyncio.sleep(min(interval, left))
    return value


def wait_until(
    condition: Callable[[], _T], *, timeout: float, what: str, remedy: str = "", interval: float = _INTERVAL
) -> _T:
    """Wait for a condition and return its value.

    Args:
        condition: as for `poll`.
        timeout: seconds.
        what: what has not happened when the time is up, for example "istiod was not ready".
        remedy: what the user can do about it.
        interval: seconds between two checks.

    Raises:
        LabError: the time is up.
    """
    if value := poll(condition, timeout=timeout, interval=interval):
        return value
    raise LabError(f"{what} after {timeout:.0f} s", remedy)
