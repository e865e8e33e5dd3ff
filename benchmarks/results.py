"""Results of the comparison: statistics, limits, the JSON document and the table, as pure functions of the samples."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lab.cli.console import styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OURS = "this stack"
NOTES = "the notes' own way"
"""The names of the two ways."""


class Measure(StrEnum):
    """What is measured."""

    UP = "up from nothing"
    PREVIEW = "preview without change"
    UP_AGAIN = "up without change"
    DESTROY = "destroy"
    NOTES = "the notes' own way"


LIMITS: Mapping[Measure, float] = {Measure.UP: 20.0, Measure.PREVIEW: 4.0, Measure.DESTROY: 5.0}
"""Seconds that a median may take, on two cores with warm caches."""

RATIO = "up : the notes' own way"
RATIO_LIMIT = 0.9
"""What the median of `up` may be, as a share of the median of the notes' own way."""

COUNTED = (
    "peak memory is the largest sum of the resident memory of all processes that a measured command started, "
    "directly or not, detached ones included; pages that processes share are counted in each"
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One measurement.

    Attributes:
        measure: of what.
        round: in which round, from 1.
        seconds: how long it took.
        memory: peak memory in bytes; see `COUNTED`.
    """

    measure: Measure
    round: int
    seconds: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All samples of one measure: seconds, and the largest peak memory in bytes."""

    minimum: float
    median: float
    maximum: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One limit held against what was found.

    Attributes:
        name: a measure's name, or `RATIO`.
        limit: the largest value allowed.
        found: the median, or the ratio of medians.
    """

    name: str
    limit: float
    found: float

    @property
    def met(self) -> bool:
        """Whether the limit was kept; exactly at the limit is kept."""
        return self.found <= self.limit


def summarize(samples: Iterable[Sample]) -> dict[Measure, Summary]:
    """Minimum, median, maximum and peak memory of each measure, in the order of `Measure`."""
    everything = list(samples)
    by_measure = {measure: [sample for sample in everything if sample.measure is measure] for measure in Measure}
    return {measure: _summary(found) for measure, found in by_measure.items() if found}


def ratio(summaries: Mapping[Measure, Summary]) -> float:
    """Median of `up` divided by the median of the notes' own way."""
    return summaries[Measure.UP].median / summaries[Measure.NOTES].median


def verdicts(summaries: Mapping[Measure, Summary]) -> list[Verdict]:
    """Every limit held against the medians."""
    times = [Verdict(name=measure, limit=limit, found=summaries[measure].median) for measure, limit in LIMITS.items()]
    return [*times, Verdict(name=RATIO, limit=RATIO_LIMIT, found=ratio(summaries))]


def document(samples: Sequence[Sample], machine: Mapping[str, object]) -> dict[str, object]:
    """The whole result as it is written to the JSON file.

    Args:
        samples: every measurement.
        machine: what it was measured on.
    """
    summaries = summarize(samples)
    ours = [summary.memory for measure, summary in summaries.items() if measure is not Measure.NOTES]
    return {
        "machine": dict(machine),
        "rounds": max(sample.round for sample in samples),
        "counted": COUNTED,
        "samples": [
            {
                "measure": sample.measure.value,
                "round": sample.round,
                "seconds": round(sample.seconds, 3),
                "peakMemoryBytes": sample.memory,
            }
            for sample in samples
        ],
        "summary": {
            measure.value: {
                "minimum": round(summary.minimum, 3),
                "median": round(summary.median, 3),
                "maximum": round(summary.maximum, 3),
                "peakMemoryBytes": summary.memory,
            }
            for measure, summary in summaries.items()
        },
        "peakMemoryBytes": {OURS: max(ours), NOTES: summaries[Measure.NOTES].memory},
        "ratio": round(ratio(summaries), 3),
        "limits": [
            {"name": str(verdict.name), "limit": verdict.limit, "found": round(verdict.found, 3), "met": verdict.met}
            for verdict in verdicts(summaries)
        ],
    }


def _summary(samples: Sequence[Sample]) -> Summary:
    seconds = [sample.seconds for sample in samples]
    return Summary(
        minimum=min(seconds),
        median=median(seconds),
        maximum=max(seconds),
        memory=max(sample.memory for sample in samples),
    )


def table(samples: Sequence[Sample]) -> Table:
    """Seconds and memory of each measure beside its limit; a limit that is missed stands out.

    Args:
        samples: every measurement.
    """
    summaries = summarize(samples)
    judged = {verdict.name: verdict for verdict in verdicts(summaries)}
    made = Table(
        title=f"seconds; rounds: {max(sample.round for sample in samples)}",
        caption=COUNTED,
        caption_justify="left",
    )
    made.add_column("")
    for heading in ("minimum", "median", "maximum", "peak memory", "limit"):
        made.add_column(heading, justify="right")
    for measure, summary in summaries.items():
        made.add_row(measure.value, *_numbers(summary), _judged(judged.get(measure)))
    made.add_section()
    made.add_row(RATIO, "", f"{ratio(summaries):.2f}", "", "", _judged(judged[RATIO]))
    return made


def _numbers(summary: Summary) -> tuple[str, ...]:
    seconds = (f"{value:.1f}" for value in (summary.minimum, summary.median, summary.maximum))
    return (*seconds, f"{summary.memory / 1e6:.0f} MB")


def _judged(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text()
    return styled("<= {} [green]met[/]" if verdict.met else "<= {} [bold red]missed[/]", f"{verdict.limit:g}")
