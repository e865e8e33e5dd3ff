"""How far the load is, while it runs: a line every second for people who watch, now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_IN_A_LOG = 10.0
"""Seconds between two lines where nobody watches."""


class Meter:
    """Counts of what happened until now.

    Args:
        asked: for how many seconds the load is.
        stream: where to write; standard error unless told, since standard output belongs to the report.
    """

    def __init__(self, asked: int, stream: TextIO | None = None) -> None:
        self._asked = asked
        self._stream = stream or sys.stderr
        self._every = 0.0 if self._stream.isatty() else _IN_A_LOG
        self._begun = self._shown = time.monotonic()
        self._before = (self._begun, 0)
        self.requests = 0
        self.unanswered = 0
        self.failed = 0

    def set(self, *, requests: int, unanswered: int, failed: int) -> None:
        """Tell the counts since the beginning; `failed` are answers with a status of 500 and more."""
        self.requests, self.unanswered, self.failed = requests, unanswered, failed

    def show(self) -> None:
        """Write a line, if it is time for one."""
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        self._stream.write(f"{self.line(now)}\n")
        self._stream.flush()

    def line(self, now: float) -> str:
        """How far it is at a moment of the monotonic clock, and the rate since the last line."""
        since, before = self._before
        self._before = (now, self.requests)
        rate = (self.requests - before) / (now - since) if now > since else 0.0
        elapsed = now - self._begun
        over = "" if elapsed < self._asked + 1 else ", waiting for the last answers"
        return "   ".join(
            (
                f"{min(elapsed, self._asked):4.0f} of {self._asked} s",
                f"{self.requests:,} requests",
                f"{rate:,.0f} a second",
                f"{self.failed:,} answered with 5xx",
                f"{self.unanswered:,} without an answer{over}",
            )
        )
