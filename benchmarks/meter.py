"""Measures one command: its time, and the memory of all it starts."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.sandbox import Sandbox

_INTERVAL = 0.25
"""Seconds between two looks at the memory: often enough for a peak, too seldom to slow anything down."""


class Meter:
    """Measures a `with` block.

    Attributes:
        seconds: how long it took.
        memory: the peak memory of the sandbox's processes in bytes.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self.seconds = 0.0
        self.memory = 0

    def __enter__(self) -> Self:
        own = {process.pid for process in self._sandbox.processes()}
        # Whatever else runs already is no child of what is measured: only newer processes need a look each time.
        self._strangers = frozenset(psutil.pids()) - own
        self._watch.start()
        self._start = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._start
        self._ended.set()
        self._watch.join()

    def _watch_memory(self) -> None:
        while True:
            running = self._sandbox.processes(strangers=self._strangers)
            self.memory = max(self.memory, sum(map(_resident, running)))
            if self._ended.wait(_INTERVAL):
                return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
