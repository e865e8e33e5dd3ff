"""A run of a class plan: its progress on the terminal, and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.cli.console import console
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.services.classes.executor import Outcome
    from lab.services.classes.plan import Plan


def execute(plan: Plan, *, parallel: int, preview: bool = False) -> Outcome:
    """Execute a plan, and show its progress."""
    from lab.cli.class_board import Board, rows
    from lab.services.classes import workspace
    from lab.services.classes.executor import Executor

    records = {action.stack: workspace.load(action.stack) for action in plan.actions}
    usual = {stack: record.seconds for stack, record in records.items() if record}
    with Board(rows(plan.actions, usual), console, parallel=parallel) as board:
        return Executor(plan, board, parallel=parallel, preview=preview).run()


def report(outcome: Outcome, again: str) -> None:
    """Print the result of a run.

    Args:
        outcome: of the run.
        again: the command that resumes it.

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
