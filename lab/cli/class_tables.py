"""Tables and summaries of `lab class`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lab.services.classes.executor import Outcome
    from lab.services.classes.plan import Plan
    from lab.services.classes.roster import Roster
    from lab.services.classes.status import Status


def plan_table(plan: Plan, roster: Roster) -> Table:
    """What is done in each wave, then what is kept."""
    table = Table(
        Column("stack", no_wrap=True),
        Column("what", no_wrap=True),
        Column("why", overflow="fold"),
        title=f"class {plan.classroom}: {len(roster.students)} students, tenancy {roster.tenancy}",
        title_justify="left",
    )
    for number, wave in enumerate(plan.waves):
        for action in wave:
            table.add_row(Text(action.stack), Text(f"{number + 1}. {action.verb}"), Text(action.reason))
    for action in plan.actions:
        if not action.acts:
            table.add_row(Text(action.stack), Text(action.verb), Text(action.reason), style="dim")
    return table


def status_table(rows: Sequence[Status]) -> Table:
    """The status of each stack, at 80 columns too."""
    table = Table(
        Column("student", no_wrap=True, max_width=20),
        Column("state", no_wrap=True, max_width=16),
        Column("Pods ready", no_wrap=True, justify="right"),
        Column("made in", no_wrap=True, justify="right"),
        Column("what went wrong", overflow="fold"),
        box=None,
        padding=(0, 2, 0, 0),
    )
    for row in rows:
        table.add_row(
            Text(row.student or "(shared cluster)"),
            Text(row.state, style="green" if row.well else "yellow"),
            Text(f"{row.ready} of {row.pods}" if row.pods else ""),
            Text(f"{row.seconds:.1f} s" if row.seconds else ""),
            Text(row.error),
        )
    return table


def report(outcome: Outcome, again: str, console: Console) -> None:
    """Print the result of a run.

    Args:
        outcome: of the run.
        again: the command that resumes it.
        console: where it goes.

    Raises:
        LabError: something failed, or the run was interrupted.
    """
    total, failed = len(outcome.results), outcome.failed
    console.print(
        f"{total - len(failed)} of {total} done in {outcome.seconds:.1f} s, "
        f"with at most {outcome.memory / 2**20:.0f} MB.",
        highlight=False,
    )
    if not failed:
        return
    lines = "\n".join(f"  {each.action.stack}: {each.error}" for each in failed)
    what = "it was stopped" if outcome.interrupted else f"{len(failed)} of {total} did not end well"
    raise LabError(f"{what}:\n{lines}", f"run it again to go on: {again}")
