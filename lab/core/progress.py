"""Progress of long work as plain lines; `lab.cli.board` shows the same as a live board on a terminal."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

HEARTBEAT = 30.0
"""Seconds between signs of life of a running step in a log, below the timeouts of CI systems."""


class Step:
    """A running piece of work."""

    def __init__(self, number: int, label: str, usual: float | None) -> None:
        self.number = number
        self.label = label
        self.usual = usual
        self.started = time.monotonic()
        self.done = 0
        self.total: int | None = None

    def advance(self, done: int, total: int | None) -> None:
        """Set the bytes of a download; `total` is None when the server does not say."""
        self.done, self.total = done, total

    def describe(self) -> str:
        """Describe the progress; empty when nothing is known."""
        if self.done and self.total:
            return f"{100 * self.done // self.total} % of {self.total / 1e6:.0f} MB"
        if self.done:
            return f"{self.done / 1e6:.0f} MB"
        return f"usual {self.usual:.0f} s" if self.usual else ""


class Progress:
    """Writes steps as lines; steps may run in several threads.

    Args:
        stream: standard error by default, since standard output belongs to results.
        heartbeat: seconds between signs of life of running steps.
        quiet: show nothing.
    """

    def __init__(self, stream: TextIO | None = None, *, heartbeat: float = HEARTBEAT, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self._heartbeat = heartbeat
        self._start = time.monotonic()
        self._numbers = itertools.count()
        self._running: dict[int, Step] = {}
        self._users = 0
        self._lock = threading.Lock()
        # A lock of its own: a display draws the running steps while it starts and while it ends.
        self._display_lock = threading.Lock()
        self._display: AbstractContextManager[object] = contextlib.nullcontext()

    def __enter__(self) -> Self:
        """Show the display for the length of the block; without a block, it is shown while steps run."""
        with self._display_lock:
            self._users += 1
            if self._users == 1:
                self._display = self.display()
                self._display.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._display_lock:
            self._users -= 1
            if not self._users:
                self._display.__exit__(kind, error, trace)

    @contextlib.contextmanager
    def step(self, label: str, *, usual: float | None = None) -> Iterator[Step]:
        """Show a step for the length of a `with` block, then its duration or its failure.

        Args:
            label: such as `building istio (pilot-discovery, istioctl)`.
            usual: seconds that it takes on a small machine, if known.
        """
        step = Step(next(self._numbers), label, usual)
        with self:
            with self._lock:
                self._running[step.number] = step
            self.announce(step)
            outcome = "failed"
            try:
                yield step
                outcome = "done"
            finally:
                with self._lock:
                    del self._running[step.number]
                self.line(f"{label}: {outcome} in {time.monotonic() - step.started:.1f} s")

    def line(self, text: str) -> None:
        """Write a line that stays."""
        if not self.quiet:
            self.write(f"[{time.monotonic() - self._start:5.1f}s] {text}")

    def running(self) -> list[Step]:
        """List the steps that have not ended."""
        with self._lock:
            return list(self._running.values())

    def display(self) -> AbstractContextManager[object]:
        """Return the view of running steps that lasts as long as the block."""
        return contextlib.nullcontext() if self.quiet else heartbeat(self._beat, self._heartbeat)

    def announce(self, step: Step) -> None:
        """Show that a step begins."""
        self.line(f"{step.label} ... {step.describe()}".rstrip())

    def write(self, line: str) -> None:
        """Write one line whole, whatever other threads write."""
        with self._lock:
            self.stream.write(f"{line}\n")
            self.stream.flush()

    def _beat(self) -> None:
        for step in self.running():
            detail = f" ({found})" if (found := step.describe()) else ""
            self.line(f"{step.label} ... {time.monotonic() - step.started:.0f} s so far{detail}")


@contextlib.contextmanager
def heartbeat(beat: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call `beat` from a thread every so many seconds for the length of a `with` block."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            beat()

    pulse = threading.Thread(target=run, daemon=True)
    pulse.start()
    try:
        yield
    finally:
        ended.set()
        pulse.join()
