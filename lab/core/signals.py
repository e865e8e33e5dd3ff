"""Signals, handled for as long as a block lasts."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], object], *numbers: int) -> Iterator[None]:
    """Handle signals, then restore what was there; without effect outside the main thread, which alone gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextlib.contextmanager
def ignored(*numbers: int) -> Iterator[None]:
    """Ignore signals in this process. A child does not inherit it, as it would with `SIG_IGN`."""
    with handled(lambda *_: None, *numbers):
        yield


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Treat a plain `kill` and a closed terminal like Ctrl-C, so that they leave as little behind."""
    with handled(_interrupt, signal.SIGTERM, signal.SIGHUP):
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
