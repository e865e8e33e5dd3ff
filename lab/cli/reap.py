"""`lab class reap`: end labs that have expired, and nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads the types at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column
from rich.text import Text

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, counted, print_json
from lab.cli.options import Json  # noqa: TC001 - Typer reads the types at run time
from lab.core.errors import LabError
from lab.services.classes import reap as service
from lab.services.classes.plan import Verb
from lab.services.classes.reap_policy import ExpiryAction, decide, keep_for, select
from lab.settings import expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lab.services.classes.plan import Decision
    from lab.services.classes.reap import Outcome


def reap(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="End them; without this nothing is done.")] = False,
    action: Annotated[
        ExpiryAction, typer.Option(help="`stop` pauses clusters on Azure and leaves all else alone.")
    ] = ExpiryAction.DESTROY,
    as_json: Json = False,
    roster: Annotated[
        Path | None,
        typer.Option("--class-file", exists=True, dir_okay=False, help="A class that may have been extended."),
    ] = None,
) -> None:
    """Stop or destroy the labs that have expired. Nothing is done without `--yes`.

    All stacks of the backend are examined. One without the tags of this project is never touched, nor one that cannot
    be read, and the list says why each is kept. The exit code is 1 if a stack could not be ended, so that cron tells.
    """
    expires = service.class_file(roster) if roster else {}
    run(now=datetime.now(tz=UTC), yes=yes, action=action, as_json=as_json, roster=expires)


def run(*, now: datetime, yes: bool, action: ExpiryAction, as_json: bool, roster: Mapping[str, datetime]) -> None:
    """Find expired labs, print what is decided, and with `yes` end them.

    Args:
        now: the time that expiry is compared with.
        yes: end them.
        action: what happens to expired labs.
        as_json: print for programs.
        roster: when stacks expire by the class file.

    Raises:
        LabError: the backend cannot be read, or a stack could not be ended.
    """
    from lab.cli import azure
    from lab.services import lifecycle

    lifecycle.prepare(Progress())
    with Progress() as progress, progress.step("looking at the stacks", usual=2):
        found = service.find()
    decisions = select(found, now, roster, action=action)
    platforms = {each.platform for each in found}

    def again(name: str) -> Decision:
        decision = decide(service.examine(name), now, roster.get(name), action)
        # A share that could not be ended is still there, and goes before the cluster that it is on.
        shares = [each.stack for each in service.find() if each.platform == name] if name in platforms else []
        return keep_for(decision, shares[0]) if shares and decision.acts else decision

    if not as_json:
        show(decisions)
    outcomes: list[Outcome] = []
    if yes:
        act: dict[Verb, Callable[[str], None]] = {Verb.STOP: azure.stop, Verb.DESTROY: destroy}
        # Pulumi's progress is not for the program that reads this one's output.
        with _stdout_to_stderr() if as_json else contextlib.nullcontext():
            outcomes = service.carry_out(decisions, again, act)
    if as_json:
        lists = {"decisions": [asdict(each) for each in decisions], "outcomes": [asdict(each) for each in outcomes]}
        print_json({"now": expiry.spell(now), "dry": not yes, **lists})
    else:
        _summarize(decisions, outcomes, dry=not yes)
    if failed := [each for each in outcomes if each.error]:
        lines = [f"  {each.stack} ({each.verb}): {each.error}" for each in failed]
        raise LabError(
            "\n".join([f"{counted(len(failed), 'stack')} could not be ended:", *lines]),
            "look at each, then run the same command again",
        )


def destroy(name: str) -> None:
    """Destroy one lab, or one stack of a class with what is recorded of it.

    Raises:
        LabError: it failed, or another subscription is logged in.
    """
    from lab.cli import class_run
    from lab.services import lifecycle
    from lab.services.classes import workspace

    if (entry := workspace.load(name)) is None:
        lifecycle.down(Stack(name), lifecycle.TerminalEngine())
        return
    outcome = class_run.execute(service.plan_of(entry), parallel=1)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.failed:
        raise LabError(outcome.failed[0].error)


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what this process and its children write to standard output to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def show(decisions: Sequence[Decision]) -> None:
    """Print what is decided about each stack, and why."""
    if not decisions:
        console.print("The backend has no stack of this project.")
        return
    table = Table(Column("stack", no_wrap=True), Column("what", no_wrap=True), Column("why", overflow="fold"))
    for each in decisions:
        table.add_row(each.stack, Text(each.verb, style="bold red" if each.acts else ""), Text(each.reason))
    console.print(table)


def _summarize(decisions: Sequence[Decision], outcomes: Sequence[Outcome], *, dry: bool) -> None:
    expired = [each for each in decisions if each.acts]
    if not expired:
        console.print("Nothing has expired that could be ended.")
    elif dry:
        console.print(f"Nothing was done. To end {counted(len(expired), 'stack')}, say it: --yes", highlight=False)
    else:
        done = [each.stack for each in outcomes if not each.error and each.verb is not Verb.KEEP]
        console.print(f"Ended: {', '.join(done) or 'none'}", highlight=False)
