"""Tables of `lab class`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column
from rich.text import Text

from lab.cli.console import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.classes.plan import Plan
    from lab.services.classes.roster import Roster
    from lab.services.classes.status import Status


def plan_table(plan: Plan, roster: Roster) -> Table:
    """The actions of each wave, then the stacks that are kept."""
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
        Column("student", no_wrap=True),
        Column("state", no_wrap=True),
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
