"""Live boards: progress steps, and a table of a class's students, on a terminal; lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Column, Table
from rich.text import Text

from lab.core import progress
from lab.core.progress import HEARTBEAT

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_STEPS_PER_SECOND = 10.0
"""Redraws of the steps: a spinner that turns."""


class Progress(progress.Progress):
    """Steps as a live board on a terminal, as plain lines elsewhere.

    Args:
        stream: standard error by default.
        heartbeat: seconds between signs of life, for lines.
        quiet: show nothing.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        heartbeat: float = HEARTBEAT,
        quiet: bool = False,
    ) -> None:
        super().__init__(stream, heartbeat=heartbeat, quiet=quiet)
        self._live = self.stream.isatty() and not quiet
        self._console = Console(file=self.stream, force_terminal=True, markup=False, emoji=False)
        self._spinner = Spinner("dots")

    def display(self) -> AbstractContextManager[object]:
        """Return the live board, or the heartbeat of lines."""
        if not self._live:
            return super().display()
        return Live(
            get_renderable=self.render,
            console=self._console,
            refresh_per_second=_STEPS_PER_SECOND,
            transient=True,
        )

    def announce(self, step: progress.Step) -> None:
        """Write that a step begins, unless the board shows it."""
        if not self._live:
            super().announce(step)

    def write(self, line: str) -> None:
        """Write one line, above the board if there is one."""
        if self._live:
            self._console.print(line, markup=False, highlight=False)
        else:
            super().write(line)

    def render(self) -> RenderableType:
        """Draw the running steps."""
        words = Column(overflow="fold")
        table = Table.grid(Column(no_wrap=True), words, Column(no_wrap=True), words.copy(), padding=(0, 1))
        for step in self.running():
            elapsed = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - step.started)).removeprefix("0")
            table.add_row(self._spinner, Text(step.label), Text(elapsed, "yellow"), Text(step.describe()))
        return table
