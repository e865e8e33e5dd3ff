"""`lab class reap`: the end of labs that have expired, and of nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer evaluates the annotations of a command
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lab.adapters import stack as stacks
from lab.adapters import workspace
from lab.adapters.stack import Stack
from lab.core import tags
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services.classes.selection import (
    AZURE,
    EMBEDDED,
    Action,
    Decision,
    Found,
    Verb,
    decide,
    for_the_sake_of,
    select,
)
from lab.settings import expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lab.core.tags import Tags
    from lab.services.classes.workspace import Record

console = Console()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one stack.

    Attributes:
        stack: its name.
        verb: what was to be done; `keep` when it was extended meanwhile.
        error: why it was not done; empty when it was.
    """

    stack: str
    verb: Verb
    error: str = ""


def look() -> list[Found]:
    """All stacks of the backend, with what each of them says of itself; shares of a cluster before the cluster.

    Raises:
        LabError: the backend cannot be read at all.
    """
    return sorted(map(_found, stacks.names()), key=lambda each: not each.platform)


def carry_out(
    decisions: Iterable[Decision], again: Callable[[str], Decision], act: Mapping[Verb, Callable[[str], None]]
) -> list[Outcome]:
    """Do what was decided, one stack after the other; where one fails, the others go on.

    Args:
        decisions: those that keep a stack are passed over.
        again: decides about one stack anew just before it is ended: it may take an hour until its turn comes, and
            somebody may have extended it meanwhile.
        act: what does it, by the verb; it is given the stack's name.
    """
    return [_done(decision.stack, again, act) for decision in decisions if decision.verb is not Verb.KEEP]


def class_file(file: Path) -> dict[str, datetime]:
    """When the stacks of a class expire by its file: all of them at once.

    Args:
        file: the class file.

    Raises:
        LabError: it is none.
    """
    from lab.services.classes import validation

    klass = validation.read(file)
    moment = expiry.parse(klass.expires)
    return dict.fromkeys(klass.stacks, moment) if moment else {}


def reap(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Really do it; without this it is only said.")] = False,
    action: Annotated[
        Action, typer.Option(help="`stop` pauses clusters on Azure and leaves all else alone.")
    ] = Action.DESTROY,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was decided and done as JSON.")] = False,
    roster: Annotated[
        Path | None,
        typer.Option("--class-file", exists=True, dir_okay=False, help="A class that may have been extended."),
    ] = None,
) -> None:
    """Stop or destroy the labs that have expired. Nothing is done without `--yes`.

    Looked at are all stacks of the backend. One without the tags of this project is never touched, nor one that cannot
    be read, and the list says why each is kept. It ends with 1 when something could not be ended, so that cron tells.
    """
    run(now=datetime.now(tz=UTC), yes=yes, action=action, as_json=as_json, roster=class_file(roster) if roster else {})


def run(*, now: datetime, yes: bool, action: Action, as_json: bool, roster: Mapping[str, datetime]) -> None:
    """Look, decide, say, and act if that is wanted.

    Args:
        now: the moment that expiry is held against.
        yes: whether to act.
        action: what happens to those that have expired.
        as_json: print for programs.
        roster: when stacks expire by the class file.

    Raises:
        LabError: the backend cannot be read, or a stack could not be ended.
    """
    from lab.cli import azure
    from lab.services import lifecycle

    lifecycle.prepare(Progress())
    with Progress() as progress, progress.step("looking at the stacks", usual=2):
        found = look()
    decisions = select(found, now, roster, action=action)
    platforms = {each.platform for each in found}

    def again(name: str) -> Decision:
        decision = decide(_found(name), now, roster.get(name), action)
        # One whose end failed is still there, and goes before the cluster that it is in.
        shares = [each.stack for each in look() if each.platform == name] if name in platforms else []
        return for_the_sake_of(decision, shares[0]) if shares and decision.verb is not Verb.KEEP else decision

    if not as_json:
        _print(decisions)
    outcomes: list[Outcome] = []
    if yes:
        act: dict[Verb, Callable[[str], None]] = {Verb.STOP: azure.stop, Verb.DESTROY: _destroy}
        # What pulumi says of its progress is not for the program that reads this one's output.
        with _output_as_errors() if as_json else contextlib.nullcontext():
            outcomes = carry_out(decisions, again, act)
    if as_json:
        kept = {"now": expiry.spell(now), "dry": not yes}
        lists = {"decisions": [asdict(each) for each in decisions], "outcomes": [asdict(each) for each in outcomes]}
        typer.echo(json.dumps({**kept, **lists}, indent=2, ensure_ascii=False))
    else:
        _summarize(decisions, outcomes, dry=not yes)
    if failed := [each for each in outcomes if each.error]:
        raise LabError(
            "\n".join([f"{_number(len(failed))} could not be ended:", *(f"  {_told(each)}" for each in failed)]),
            "look at each, then run the same command again",
        )


def _destroy(name: str) -> None:
    """As `lab down` does it, or as `lab class down` does it with a stack of a class."""
    from lab.services import lifecycle
    from lab.services.classes import workspace as of_class

    if entry := of_class.load(name):
        _destroy_in_class(name, entry)
    else:
        lifecycle.down(Stack(name), lifecycle.TerminalEngine())


def _destroy_in_class(name: str, entry: Record) -> None:
    """A class' own engine made it, and only that one knows how to read what it made.

    Raises:
        LabError: it failed, or another subscription is logged in.
    """
    from lab.services.classes.plan import Action as Step
    from lab.services.classes.plan import Plan
    from lab.services.classes.plan import Verb as Do
    from lab.services.classes.run import Run

    step = Step(stack=name, student=entry.student, name=entry.name, verb=Do.DESTROY, reason="it has expired", wave=0)
    outcome = Run(Plan(classroom=entry.classroom, actions=(step,)), console, parallel=1).carry_out()
    if outcome.failed:
        raise LabError(outcome.failed[0].error)
    if outcome.interrupted:
        raise KeyboardInterrupt


def _found(name: str) -> Found:
    try:
        stack = Stack(name)
        values = stack.values()
        own = tags.read(values.get(tags.OUTPUT), stack=name)
        if not values:
            return Found(stack=name, tags=None, trouble="nothing of it stands, or its first `up` did not end")
        if own is None:
            return Found(stack=name, tags=None, platform=_platform(stack))
        return Found(
            stack=name,
            tags=own,
            target=stack.target,
            platform=_platform(stack),
            expires=_expires(own, stack),
            trouble=_trouble(stack, on_azure="azureCluster" in values),
        )
    except (LabError, ValueError, OSError, yaml.YAMLError) as error:
        message = error.message if isinstance(error, LabError) else str(error)
        return Found(stack=name, tags=None, trouble=f"it cannot be read: {message}")


def _expires(own: Tags, stack: Stack) -> datetime | None:
    """The later of what stands there and what is set for the next `up`: an extension counts at once."""
    stands, is_set = expiry.parse(own.expires), expiry.parse(_text(stack.config().get("expires", "")))
    return expiry.later(stands, is_set) if stands else None


def _trouble(stack: Stack, *, on_azure: bool) -> str:
    if not stack.file.is_file():
        return f"{stack.file.name} is not here, and without its settings it cannot be taken down"
    if on_azure != (stack.target == AZURE):
        where = "it stands" if on_azure else "it does not stand"
        return f"{stack.file.name} says target {stack.target}, but {where} on Azure"
    if stack.target == EMBEDDED and not workspace.local_backend() and not stack.directory.is_dir():
        return "it stands on another machine"
    return ""


def _platform(stack: Stack) -> str:
    shared = stack.config().get("shared")
    return str(shared.get("platform") or "") if stack.target == "shared" and isinstance(shared, dict) else ""


def _text(value: object) -> str:
    """What YAML has read; a day without quotes becomes a date there."""
    return str(value) if value else ""


def _done(name: str, again: Callable[[str], Decision], act: Mapping[Verb, Callable[[str], None]]) -> Outcome:
    decision = again(name)
    try:
        if decision.verb is not Verb.KEEP:
            act[decision.verb](name)
    except (LabError, OSError) as error:
        message = error.message if isinstance(error, LabError) else str(error)
        return Outcome(stack=name, verb=decision.verb, error=message)
    return Outcome(stack=name, verb=decision.verb)


@contextlib.contextmanager
def _output_as_errors() -> Iterator[None]:
    """Send what this process and its children write to standard output to standard error, for as long as it lasts."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _print(decisions: Sequence[Decision]) -> None:
    if not decisions:
        console.print("The backend has no stack of this project.")
        return
    table = Table(Column("stack", no_wrap=True), Column("what", no_wrap=True), Column("why", overflow="fold"))
    for each in decisions:
        table.add_row(
            each.stack, Text(each.verb, style="" if each.verb is Verb.KEEP else "bold red"), Text(each.reason)
        )
    console.print(table)


def _summarize(decisions: Sequence[Decision], outcomes: Sequence[Outcome], *, dry: bool) -> None:
    chosen = [each for each in decisions if each.verb is not Verb.KEEP]
    if not chosen:
        console.print("Nothing has expired that could be ended.")
    elif dry:
        console.print(f"Nothing was done. To end {_number(len(chosen))}, say it: --yes", highlight=False)
    else:
        done = [each for each in outcomes if not each.error and each.verb is not Verb.KEEP]
        console.print(f"Ended: {', '.join(each.stack for each in done) or 'none'}", highlight=False)


def _told(outcome: Outcome) -> str:
    return f"{outcome.stack} ({outcome.verb}): {outcome.error}"


def _number(count: int) -> str:
    return f"{count} stack" if count == 1 else f"{count} stacks"
