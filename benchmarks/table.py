"""The result as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from benchmarks import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.results import Sample, Summary, Verdict


def table(samples: Sequence[Sample]) -> Table:
    """Seconds and memory of each measure beside its limit; a limit that is missed stands out.

    Args:
        samples: every measurement.
    """
    summaries = results.summarize(samples)
    verdicts = {verdict.name: verdict for verdict in results.verdicts(summaries)}
    made = Table(
        title=f"seconds; rounds: {max(sample.round for sample in samples)}",
        caption=results.COUNTED,
        caption_justify="left",
    )
    made.add_column("")
    for heading in ("minimum", "median", "maximum", "peak memory", "limit"):
        made.add_column(heading, justify="right")
    for measure, summary in summaries.items():
        made.add_row(measure.value, *_numbers(summary), _judged(verdicts.get(measure)))
    made.add_section()
    made.add_row(results.RATIO, "", f"{results.ratio(summaries):.2f}", "", "", _judged(verdicts[results.RATIO]))
    return made


def _numbers(summary: Summary) -> tuple[str, ...]:
    seconds = (f"{value:.1f}" for value in (summary.minimum, summary.median, summary.maximum))
    return (*seconds, f"{summary.memory / 1e6:.0f} MB")


def _judged(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    word = "[green]met[/]" if verdict.met else "[bold red]missed[/]"
    return f"<= {verdict.limit:g} {word}"
