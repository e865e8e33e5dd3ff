"""The board of a class: a row for each student on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from lab.core.progress import HEARTBEAT, heartbeat
from lab.services.classes.reporter import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from lab.services.classes.plan import Action


_STYLES = {
    Phase.WAITS: "dim",
    Phase.RUNS: "cyan",
    Phase.DONE: "green",
    Phase.FAILED: "bold red",
    Phase.KEPT: "dim green",
    Phase.SKIPPED: "yellow",
}

_OPEN_ROWS = 20
"""Maximum of rows: a class of 300 does not fit on a screen, and running or failed rows matter most."""

_REDRAWN = 4.0
"""Redraws per second."""


@dataclass
class Row:
    """One stack: `usual` are the seconds of its last run (0 if unknown), `step` is its current one or its failure.

    The duration of a `shared` one, the class's cluster, says nothing about a student's stack.
    """

    stack: str
    label: str
    usual: float = 0.0
    shared: bool = False
    phase: Phase = Phase.WAITS
    step: str = ""
    began: float = 0.0
    took: float = 0.0


def rows(actions: Sequence[Action], usual: Mapping[str, float]) -> dict[str, Row]:
    """Build a row for each stack, by its name; `usual` are the seconds of the last time."""
    return {
        action.stack: Row(
            stack=action.stack,
            label=action.student or action.name,
            usual=usual.get(action.stack, 0.0),
            shared=not action.student,
            phase=Phase.WAITS if action.acts else Phase.KEPT,
            step="" if action.acts else action.reason,
        )
        for action in actions
    }


class Board:
    """Shows the rows of a run for the length of a `with` block; its methods may be called from several threads."""

    rows: dict[str, Row]
    heartbeat = HEARTBEAT

    def __init__(
        self,
        rows: dict[str, Row],
        console: Console,
        *,
        parallel: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the board; `clock` is monotonic."""
        self.rows = rows
        self._console = console
        self._parallel = parallel
        self._live = console.is_terminal
        self._clock = clock
        self._start = clock()
        self._lock = threading.Lock()
        self._display: AbstractContextManager[object] = contextlib.nullcontext()

    def __enter__(self) -> Self:
        self._start = self._clock()
        self._display = (
            Live(get_renderable=self.render, console=self._console, refresh_per_second=_REDRAWN)
            if self._live
            else heartbeat(self._beat, self.heartbeat)
        )
        self._display.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.__exit__(kind, error, trace)

    def begin(self, stack: str) -> None:
        """Show that work on a stack begins."""
        with self._lock:
            row = self.rows[stack]
            row.phase, row.began, row.step = Phase.RUNS, self._clock(), "starting"
        self._say(f"{row.label}: begun")

    def step(self, stack: str, text: str) -> None:
        """Show the current step of a stack."""
        with self._lock:
            row = self.rows.get(stack)
            if row and row.phase is Phase.RUNS:
                row.step = text

    def end(self, stack: str, phase: Phase, text: str = "") -> float:
        """Show that work on a stack has ended, with the reason of a failure.

        Returns:
            How many seconds it took.
        """
        with self._lock:
            row = self.rows[stack]
            row.took = self._clock() - row.began if row.began else 0.0
            row.phase, row.step = phase, text
        took = f" in {row.took:.1f} s" if row.took else ""
        self._say(f"{row.label}: {phase}{took}{f': {text}' if text else ''}")
        return row.took

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self._live:
            self._console.print(Text(text))
        else:
            self._say(text)

    def render(self) -> RenderableType:
        """Draw the board."""
        with self._lock:
            rows = list(self.rows.values())
        now = self._clock()
        table = Table(
            Column("student", no_wrap=True, max_width=20),
            Column("state", no_wrap=True, width=7),
            Column("time", no_wrap=True, justify="right", width=8),
            Column("what", no_wrap=True, overflow="ellipsis", ratio=1),
            box=None,
            expand=True,
            padding=(0, 1, 0, 0),
        )
        shown = _most_telling(rows)
        for row in shown:
            seconds = now - row.began if row.phase is Phase.RUNS else row.took
            style = _STYLES[row.phase]
            table.add_row(
                Text(row.label),
                Text(row.phase, style=style),
                Text(f"{seconds:.1f} s" if seconds else ""),
                Text(_one_line(row.step)),
            )
        return Group(table, Text(self._footer(rows, now, hidden=len(rows) - len(shown))))

    def _footer(self, rows: Sequence[Row], now: float, *, hidden: int) -> str:
        counts = {phase: sum(row.phase is phase for row in rows) for phase in Phase}
        parts = [f"{count} {phase}" for phase, count in counts.items() if count]
        left = remaining(rows, self._parallel, now)
        parts.append(f"{now - self._start:.0f} s so far")
        if left:
            parts.append(f"about {left:.0f} s to go")
        if hidden:
            parts.append(f"{hidden} rows not shown")
        return ", ".join(parts)

    def _say(self, text: str) -> None:
        if self._live:
            return
        with self._lock:
            self._console.print(Text(f"[{self._clock() - self._start:6.1f}s] {_one_line(text)}"), soft_wrap=True)

    def _beat(self) -> None:
        with self._lock:
            rows = list(self.rows.values())
        running = ", ".join(f"{row.label} ({row.step})" for row in rows if row.phase is Phase.RUNS)
        self._say(f"{self._footer(rows, self._clock(), hidden=0)}{f'; {running}' if running else ''}")


def remaining(rows: Sequence[Row], parallel: int, now: float) -> float | None:
    """Estimate the seconds until the end: the rest of all rows divided by `parallel`, and at least the longest one.

    Returns:
        None while no row has ended and none is known from before.
    """
    ended = [row.took for row in rows if row.phase is Phase.DONE and row.took and not row.shared]
    typical = sum(ended) / len(ended) if ended else 0.0
    left = [0.0]
    for row in rows:
        expected = row.usual if row.shared else typical or row.usual
        if row.phase in (Phase.WAITS, Phase.RUNS) and not expected:
            return None
        if row.phase is Phase.WAITS:
            left.append(expected)
        elif row.phase is Phase.RUNS:
            left.append(max(0.0, expected - (now - row.began)))
    return max(sum(left) / max(1, parallel), *left)


def _most_telling(rows: Sequence[Row]) -> list[Row]:
    """Choose the rows that fit, in the order of the class: running and failed ones before the rest."""
    if len(rows) <= _OPEN_ROWS:
        return list(rows)
    order = (Phase.RUNS, Phase.FAILED, Phase.SKIPPED, Phase.WAITS, Phase.DONE, Phase.KEPT)
    chosen = sorted(rows, key=lambda row: order.index(row.phase))[:_OPEN_ROWS]
    return [row for row in rows if any(row is each for each in chosen)]


def _one_line(text: str) -> str:
    """Reduce a text to one line without control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
