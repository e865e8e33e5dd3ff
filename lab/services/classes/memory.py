"""How much memory a run takes: this process with all that it has started."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from types import TracebackType

_LOOKS = 2.0
"""Seconds between looks: engines live for several."""

_NEEDED = 400 * 2**20
"""Bytes for each stack that is worked on: its engine, its part of this process, and a provider where it has its own."""

_AT_ONCE_FOR_EACH_CORE = 6
"""An engine waits for the cluster most of its time, and all that are under way at the end wait together."""

GOGC = "400"
"""Of Go's garbage collector, for engines and providers: an engine lives for seconds, and a tenth of its work went into
collecting; a provider that all share may take more memory than one for each."""


class Meter:
    """Looks from time to time for the length of a `with` block.

    Attributes:
        most: bytes, the most that was seen.
    """

    most: int

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.most = max(self.most, _now())
            if self._ended.wait(_LOOKS):
                return


def room() -> int:
    """How many stacks this machine can work on at a time, at least one."""
    cores = psutil.cpu_count() or 1
    return max(1, min(cores * _AT_ONCE_FOR_EACH_CORE, psutil.virtual_memory().available // _NEEDED))


def _now() -> int:
    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total
