"""Progress and report of a load."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping  # noqa: TC003 - pydantic looks at the types when it runs
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import pydantic

if TYPE_CHECKING:
    from collections.abc import Sequence

Count = Annotated[int, pydantic.Field(ge=0)]

_SUCCESS, _CLIENT_ERROR, _SERVER_ERROR, _BEYOND = 200, 400, 500, 600
"""The least status of each class."""

_LOG_INTERVAL = 10.0
"""Seconds between two lines of progress where nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Percentiles of the response time in seconds, from the request's first byte to the answer's last."""

    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")

    p50: float
    p90: float
    p99: float
    max: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Latency | None:
        """Compute the percentiles of single answers; none without any."""
        if not seconds:
            return None
        ordered = sorted(seconds)

        def percentile(percent: int) -> float:
            return ordered[math.ceil(len(ordered) * percent / 100) - 1]

        return Latency(p50=percentile(50), p90=percentile(90), p99=percentile(99), max=ordered[-1])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a load generator.

    Attributes:
        seconds: actual duration.
        requests: their number.
        unanswered: requests without an answer: refused, cut off, or too late.
        codes: answers by their status; empty when the generator does not count them.
        latency: of the answers; none without any, or when the generator does not measure it.
        versions: answers by the application's version.
        problem: the generator's reason why a request had no answer.
    """

    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")

    seconds: float
    requests: Count
    unanswered: Count
    codes: Mapping[int, Count]
    latency: Latency | None
    versions: Mapping[str, Count] = field(default_factory=dict)
    problem: str = ""

    @property
    def answered(self) -> int:
        """Requests with any answer."""
        return self.requests - self.unanswered

    @property
    def succeeded(self) -> int:
        """Requests that got what they asked for, or were sent elsewhere; all answers where they are not counted."""
        if not self.codes:
            return self.answered
        return sum(self.codes.values()) - failures(self.codes)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of `lab load`."""

    method: str
    url: str
    by: str
    users: int
    asked: int
    outcome: Outcome
    interrupted: bool = False

    def plain(self) -> dict[str, Any]:
        """Return the report for programs, times in seconds."""
        found = asdict(self)
        outcome = found.pop("outcome")
        codes = {str(code): times for code, times in outcome.pop("codes").items()}
        return {
            **found,
            **outcome,
            "answered": self.outcome.answered,
            "succeeded": self.outcome.succeeded,
            "rate": self.outcome.rate,
            "codes": codes,
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        outcome = self.outcome
        early = f", interrupted, of {self.asked} s asked for" if self.interrupted else ""
        return [
            f"{self.method} {self.url}, by {self.by}",
            f"{self.users} users, {outcome.seconds:.1f} s{early}",
            f"{outcome.requests:,} requests, {outcome.rate:,.1f} a second",
            "",
            *_table(outcome),
            "",
            f"success   {outcome.succeeded:,} of {outcome.requests:,} requests",
            _latency(outcome.latency),
            *([_versions(outcome)] if outcome.versions else []),
            *([f"problem   {outcome.problem}"] if outcome.problem else []),
        ]


class Meter:
    """Progress of a running load: a line each second on a terminal, now and then in a log."""

    def __init__(self, asked: int, stream: TextIO | None = None) -> None:
        self._asked = asked
        self._stream = stream or sys.stderr
        self._every = 0.0 if self._stream.isatty() else _LOG_INTERVAL
        self._begun = self._shown = time.monotonic()
        self._before = (self._begun, 0)
        self.requests = 0
        self.unanswered = 0
        self.failed = 0

    def set(self, *, requests: int, unanswered: int, failed: int) -> None:
        """Set the counts since the beginning; `failed` are answers that are no success in the report either."""
        self.requests, self.unanswered, self.failed = requests, unanswered, failed

    def show(self) -> None:
        """Write a line if one is due."""
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        self._stream.write(f"{self.line(now)}\n")
        self._stream.flush()

    def line(self, now: float) -> str:
        """Format the counts at a moment of the monotonic clock, and the rate since the last line."""
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
                f"{self.failed:,} answered outside 2xx and 3xx",
                f"{self.unanswered:,} without an answer{over}",
            )
        )


def _table(outcome: Outcome) -> list[str]:
    rows = [(_meaning(code), times, _failure(code)) for code, times in sorted(outcome.codes.items())]
    if not rows:
        rows.append(("any status", outcome.answered, ""))
    rows.append(("no answer", outcome.unanswered, ""))
    return [
        f"{'answer':<28}{'requests':>10}{'share':>10}",
        *(
            f"{name:<28}{times:>10,}{_share(times, outcome.requests):>10}   {failure}".rstrip()
            for name, times, failure in rows
        ),
    ]


def _failure(code: int) -> str:
    """Name the class of a status that is no success."""
    if _SUCCESS <= code < _CLIENT_ERROR:
        return ""
    if code < _SUCCESS or code >= _BEYOND:
        return "no success"
    return "client error" if code < _SERVER_ERROR else "server error"


def failures(codes: Mapping[int, int]) -> int:
    """Count the answers whose status is no success."""
    return sum(times for code, times in codes.items() if _failure(code))


def most_frequent(codes: Mapping[int, int]) -> str:
    """Name the status that came most often."""
    return _meaning(max(codes, key=lambda code: codes[code]))


def _meaning(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _share(times: int, total: int) -> str:
    return f"{100 * times / total:.1f} %" if total else ""


def _latency(latency: Latency | None) -> str:
    if not latency:
        return "latency   unknown"
    values = (("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("max", latency.max))
    return "latency   " + "   ".join(f"{name} {_time(seconds)}" for name, seconds in values)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _versions(outcome: Outcome) -> str:
    shares = (f"{name} {_share(times, outcome.answered)}" for name, times in sorted(outcome.versions.items()))
    return "version   " + "   ".join(shares)
