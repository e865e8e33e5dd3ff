"""The progress of a class run, as the executor reports it to whoever shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """The state of one stack in a run."""

    WAITS = "waits"
    RUNS = "runs"
    DONE = "done"
    FAILED = "failed"
    KEPT = "kept"
    SKIPPED = "skipped"


class Reporter(Protocol):
    """Shows the progress of a run; called from several threads."""

    def begin(self, stack: str, /) -> object:
        """Work on a stack begins."""

    def step(self, stack: str, text: str, /) -> object:
        """Show what is under way in a stack."""

    def end(self, stack: str, phase: Phase, reason: str = "", /) -> object:
        """Work on a stack ends."""

    def line(self, text: str, /) -> object:
        """Print a message that stays."""
