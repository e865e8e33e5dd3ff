"""What the benchmark asks of each of the two ways that it compares."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from benchmarks.results import Measure

Record = Callable[[Measure], AbstractContextManager[None]]
"""Measures the `with` block that it is used for."""


class Way(Protocol):
    """One way to make the lab stand."""

    @property
    def name(self) -> str:
        """What people call it."""

    def measure(self, record: Record) -> set[str]:
        """Make the lab stand and take it down again.

        Args:
            record: measures a block.

        Returns:
            what stood, one line each.
        """
