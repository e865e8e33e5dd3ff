"""The state of a Rollout as a screen, a line and data."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from lab.cli.console import Table
from lab.services.rollouts.state import Phase, Role

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lab.services.rollouts.explain import Explanation
    from lab.services.rollouts.state import Analysis, Metric, ReplicaSet, Rollout

_COLOURS = {
    Phase.HEALTHY: "green",
    Phase.PROGRESSING: "cyan",
    Phase.PAUSED: "yellow",
    Phase.DEGRADED: "red",
}
_OLD_SHOWN = 3
"""Maximum of revisions without Pods that are shown: the likely targets of an undo."""

_ANALYSES_SHOWN = 3
"""Maximum of analyses that are shown, the newest."""


def screen(rollout: Rollout, explanation: Explanation) -> RenderableType:
    """Draw the whole state; texts of the cluster are never taken for markup."""
    parts: list[RenderableType] = [_head(rollout), Text(), _replica_sets(rollout)]
    for analysis in rollout.own_analyses[:_ANALYSES_SHOWN]:
        parts += [Text(), _analysis(analysis)]
    parts += [Text(), Text(explanation.text, "bold red" if explanation.broken else "")]
    parts += [Text(f"  {each}", "cyan") for each in explanation.commands]
    return Group(*parts)


def line(rollout: Rollout) -> str:
    """Format the state without values that change each second, so that equal lines mean no change."""
    words = [str(rollout.phase)]
    if rollout.steps and not rollout.complete:
        words.append(f"step {_step(rollout)}")
    if rollout.weight is not None:
        words.append(f"weight {rollout.weight}")
    words += [
        f"{'+'.join(each.roles)} r{each.revision} {each.ready}/{each.desired}"
        for each in rollout.replica_sets
        if each.desired or each.ready
    ]
    if rollout.message:
        words.append(rollout.message)
    return "  ".join(words)


def data(rollout: Rollout, explanation: Explanation) -> dict[str, Any]:
    """Return the state as JSON values."""
    left = rollout.pause_left
    found: dict[str, Any] = _plain(
        {
            **asdict(rollout),
            "complete": rollout.complete,
            "pause_left": None if left is None else round(left, 1),
            "explanation": asdict(explanation),
        }
    )
    return found


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever is inside
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _head(rollout: Rollout) -> Grid:
    table = Grid.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2))
    phase = Text(str(rollout.phase), f"bold {_COLOURS[rollout.phase]}")
    if rollout.message:
        phase.append(f"  {rollout.message}", "default not bold")
    how = "canary, " + ("split by rules of the mesh" if rollout.routed else "split by numbers of Pods")
    table.add_row("rollout", Text(f"{rollout.name}  in namespace {rollout.namespace}", "bold"))
    table.add_row("strategy", Text(rollout.strategy if rollout.strategy == "blueGreen" else how))
    table.add_row("phase", phase)
    if rollout.steps:
        table.add_row("step", Text(_step(rollout) + _left(rollout)))
    elif rollout.pause_left is not None:
        table.add_row("promotion", Text(_left(rollout).removeprefix(", ")))
    if rollout.weight is not None:
        others = "" if rollout.complete else f", {100 - rollout.weight} % to the stable one"
        table.add_row("weight", Text(f"{rollout.weight} % of the requests to the newest version{others}"))
    return table


def _step(rollout: Rollout) -> str:
    count = len(rollout.steps)
    if rollout.step is None:
        return f"all {count} done"
    return f"{rollout.step_index + 1} of {count}: {rollout.step.text}"


def _left(rollout: Rollout) -> str:
    left = rollout.pause_left
    return "" if left is None else f", {max(left, 0):.0f} s left"


def _replica_sets(rollout: Rollout) -> Table:
    columns = [Column(each, no_wrap=True) for each in ("revision", "role", "version", "ready", "hash")]
    table = Table(*columns, Column("image", overflow="fold"), box=None, pad_edge=False, header_style="dim")
    old = 0
    for each in rollout.replica_sets:
        if each.roles == (Role.OLD,) and not each.desired:
            old += 1
            if old > _OLD_SHOWN:
                continue
        table.add_row(*(Text(word) for word in _cells(each)))
    return table


def _cells(each: ReplicaSet) -> tuple[str, ...]:
    return (
        str(each.revision),
        ", ".join(each.roles),
        each.version or "-",
        f"{each.ready}/{each.desired}",
        each.hash,
        "\n".join(each.images),
    )


def _analysis(analysis: Analysis) -> RenderableType:
    kind = f" ({analysis.kind})" if analysis.kind else ""
    message = f": {analysis.message}" if analysis.message else ""
    parts = [Text(f"analysis {analysis.name}{kind}  {analysis.phase}{message}")]
    parts += [Text(f"  {_measured(each)}") for each in analysis.metrics]
    return Group(*parts)


def _measured(metric: Metric) -> str:
    counts = f"{metric.successful} good, {metric.failed} bad, {metric.inconclusive} unclear, {metric.errors} errors"
    words = [f"{metric.name}  {metric.phase}  {counts}"]
    if metric.value:
        words.append(f"last {metric.value}")
    if metric.dry_run:
        words.append("counts for nothing (dry run)")
    if metric.message:
        words.append(metric.message)
    return "; ".join(words)
