"""What came of the load: for people and for programs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long answers took, in seconds, from the request's first byte to the answer's last.

    Attributes:
        p50: half of them took no longer.
        p90: nine of ten took no longer.
        p99: 99 of 100 took no longer.
        max: the longest.
    """

    p50: float
    p90: float
    p99: float
    max: float

    @staticmethod
    def of(seconds: Sequence[float]) -> Latency | None:
        """Of single answers in any order; none without any."""
        if not seconds:
            return None
        ordered = sorted(seconds)

        def percentile(percent: int) -> float:
            return ordered[math.ceil(len(ordered) * percent / 100) - 1]

        return Latency(p50=percentile(50), p90=percentile(90), p99=percentile(99), max=ordered[-1])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a load generator found.

    Attributes:
        seconds: how long it really took.
        requests: how many were made.
        unanswered: those of them without an answer: refused, cut off, or too late.
        codes: how many answers by their status; empty when the generator does not say.
        latency: of the answers; none without any, or when the generator does not say.
        versions: how many answers by the version that the application says of itself.
        problem: why a request had no answer, as the generator says it.
    """

    seconds: float
    requests: int
    unanswered: int
    codes: Mapping[int, int]
    latency: Latency | None
    versions: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def answered(self) -> int:
        """How many requests had an answer, whatever it says."""
        return self.requests - self.unanswered

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of `lab load`.

    Attributes:
        method: of the requests.
        url: as the Pods know it.
        by: the generator, and where it ran.
        users: how many asked at the same time.
        asked: for how many seconds.
        outcome: what was found.
        interrupted: the user ended it early.
    """

    method: str
    url: str
    by: str
    users: int
    asked: int
    outcome: Outcome
    interrupted: bool = False

    def plain(self) -> dict[str, Any]:
        """For programs: names as here, times in seconds."""
        found = asdict(self)
        outcome = found.pop("outcome")
        codes = {str(code): times for code, times in outcome.pop("codes").items()}
        return {**found, **outcome, "answered": self.outcome.answered, "rate": self.outcome.rate, "codes": codes}

    def lines(self) -> list[str]:
        """For people."""
        outcome = self.outcome
        early = f", interrupted, of {self.asked} s asked for" if self.interrupted else ""
        return [
            f"{self.method} {self.url}, by {self.by}",
            f"{self.users} users, {outcome.seconds:.1f} s{early}",
            f"{outcome.requests:,} requests, {outcome.rate:,.1f} a second",
            "",
            *_table(outcome),
            "",
            _latency(outcome.latency),
            *([_versions(outcome)] if outcome.versions else []),
            *([f"problem   {outcome.problem}"] if outcome.problem else []),
        ]


def _table(outcome: Outcome) -> list[str]:
    rows = [(_meaning(code), times) for code, times in sorted(outcome.codes.items())]
    if not rows:
        rows.append(("any status", outcome.answered))
    rows.append(("no answer", outcome.unanswered))
    return [
        f"{'answer':<28}{'requests':>10}{'share':>10}",
        *(f"{name:<28}{times:>10,}{_share(times, outcome.requests):>10}" for name, times in rows),
    ]


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
