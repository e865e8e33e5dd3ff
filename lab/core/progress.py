"""What people see while something takes long: a live board on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import rich.progress

HEARTBEAT = 30.0
"""Seconds between signs of life of a running step in a log, below the patience of CI systems and people."""


class Step:
    """One thing that is under way."""

    def __init__(self, board: Progress, number: int, label: str, usual: float | None) -> None:
        self._board = board
        self.number = number
        self.label = label
        self.usual = usual
        self.started = time.monotonic()
        self.done = 0
        self.total: int | None = None

    def advance(self, done: int, total: int | None) -> None:
        """Tell how far a download is, in bytes; `total` is None when the server does not say."""
        self.done, self.total = done, total
        self._board.refresh(self)

    def describe(self) -> str:
        """How far it is, in words; empty when nothing is known."""
        if self.done and self.total:
            return f"{100 * self.done // self.total} % of {self.total / 1e6:.0f} MB"
        if self.done:
            return f"{self.done / 1e6:.0f} MB"
        return f"usual {self.usual:.0f} s" if self.usual else ""


class Progress:
    """Shows the steps of a `with` block; steps may run in several threads.

    Args:
        stream: where to write; standard error unless told, since standard output belongs to results.
        live: True for the board, False for lines; by default the board when `stream` is a terminal.
        heartbeat: seconds between signs of life of running steps, for lines.
        quiet: show nothing.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        heartbeat: float = HEARTBEAT,
        quiet: bool = False,
    ) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._live = (self._stream.isatty() if live is None else live) and not quiet
        self._heartbeat = heartbeat
        self._start = time.monotonic()
        self._numbers = itertools.count()
        self._running: dict[int, Step] = {}
        self._tasks: dict[int, rich.progress.TaskID] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._board: rich.progress.Progress | None = None
        self._pulse: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._board = _rich_board(self._stream)
            self._board.start()
        elif not self._quiet:
            self._pulse = threading.Thread(target=self._beat, daemon=True)
            self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._board:
            self._board.stop()
        if self._pulse:
            self._pulse.join()

    @contextlib.contextmanager
    def step(self, label: str, *, usual: float | None = None) -> Iterator[Step]:
        """Show something as under way for the length of a `with` block, then how long it took, or that it failed.

        Args:
            label: what happens, such as `building istio (pilot-discovery, istioctl)`.
            usual: how many seconds it takes on a small machine, if known.
        """
        step = Step(self, next(self._numbers), label, usual)
        with self._lock:
            self._running[step.number] = step
        if self._board:
            self._tasks[step.number] = self._board.add_task(label, total=None, detail=step.describe())
        else:
            self._write(f"{label} ...", step.describe())
        outcome = "failed"
        try:
            yield step
            outcome = "done"
        finally:
            with self._lock:
                del self._running[step.number]
            if self._board:
                self._board.remove_task(self._tasks.pop(step.number))
            self.line(f"{label}: {outcome} in {time.monotonic() - step.started:.1f} s")

    def line(self, text: str) -> None:
        """Say something that stays."""
        if self._board:
            self._board.console.print(f"[{time.monotonic() - self._start:5.1f}s] {text}", markup=False, highlight=False)
        else:
            self._write(text)

    def refresh(self, step: Step) -> None:
        """Redraw a step after `Step.advance`."""
        if self._board and step.number in self._tasks:
            task = self._tasks[step.number]
            self._board.update(task, completed=step.done, total=step.total, detail=step.describe())

    def _write(self, text: str, detail: str = "") -> None:
        if self._quiet:
            return
        with self._lock:
            since = time.monotonic() - self._start
            self._stream.write(f"[{since:5.1f}s] {text}{f' {detail}' if detail else ''}\n")
            self._stream.flush()

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat):
            with self._lock:
                running = list(self._running.values())
            for step in running:
                detail = step.describe()
                self._write(
                    f"{step.label} ... {time.monotonic() - step.started:.0f} s so far", detail and f"({detail})"
                )


def _rich_board(stream: TextIO) -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import Progress as Board
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    return Board(*columns, console=Console(file=stream, force_terminal=True), transient=True)
