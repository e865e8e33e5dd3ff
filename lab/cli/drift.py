"""`lab drift`: what did somebody change by hand, and what do controllers own?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.services.drift.compare import Change, Owned, Report

console = Console()

_NAMED = 3
"""How many objects or fields are named before the others are only counted."""


def drift(
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
    ] = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for a program.")] = False,
) -> None:
    """Tell what somebody changed by hand in the cluster from what controllers own.

    The evidence is the field manager: every object records who wrote which of its fields. Looked at are the
    Kubernetes resources of the stack and the objects of its Helm releases, and nothing is changed. It ends with 0 when
    nothing was changed by hand, else with 1.
    """
    from lab.services.drift import live, state
    from lab.services.drift.compare import compare

    target = Stack(stack)
    if not target.kubeconfig.is_file():
        raise LabError(f"stack {stack} does not stand", f"make up{target.suffix}")
    with Progress() as progress:
        with progress.step("reading what the stack declared", usual=2):
            declared = state.declared(target.export())
        if not declared:
            raise LabError(f"stack {stack} has nothing in its cluster", f"make up{target.suffix}")
        with progress.step(f"asking the cluster for {len(declared)} objects", usual=2):
            cluster = live.look(target, declared)
    report = compare(declared, cluster)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2, ensure_ascii=False))
    else:
        _print(report, target)
    sys.exit(1 if report.changed else 0)


def _print(report: Report, stack: Stack) -> None:
    if report.changed:
        _say("[bold red]Changed by hand[/]")
        for what, changes in groupby(report.changed, key=_object):
            _say(f"  [bold]{escape(what)}[/]")
            for change in changes:
                _print_change(change)
    if report.owned:
        _say("[bold]Owned by controllers (expected)[/]")
        for (kind, manager, why, fields), objects in _condensed(report.owned).items():
            _say(f"  {escape(f'{kind} {_counted(objects)}: {_counted(fields)}')}")
            _say(f"    by        {escape(f'{manager}: {why}')}")
    _summarize(report, stack)


def _print_change(change: Change) -> None:
    _say(f"    {escape(change.field)}")
    _say(f"      now       {escape(change.now)}")
    _say(f"      declared  {escape(change.declared)}")
    if change.manager:
        _say(f"      by        {escape(change.manager)}, {escape(change.time)}")
    if change.note:
        _say(f"      note      {escape(change.note)}")


def _summarize(report: Report, stack: Stack) -> None:
    if not report.changed:
        _say(f"[green]Nothing was changed by hand[/] in {report.objects} objects of stack {stack.name}.")
        return
    touched = len({_object(change) for change in report.changed})
    count = f"{_number(len(report.changed), 'change')} of {_number(touched, 'object')}"
    _say(f"[red]By hand: {count}[/], of {report.objects} that were looked at.")
    _say(f"`make up{stack.suffix}` does not look at the cluster, so it leaves them as they are.")
    for way in dict.fromkeys(change.way for change in report.changed):
        fields = [change for change in report.changed if change.way == way]
        named = _counted(list(dict.fromkeys(f"{_object(each)} {each.field}" for each in fields)))
        _say(f"  {escape(named)}")
        _say(f"    {escape(_undoing(stack)[way])}")


def _undoing(stack: Stack) -> Mapping[str, str]:
    """By the way of a change, what undoes it."""
    refresh = f"pulumi up --refresh --stack {stack.name}"
    return {
        "refresh": f"set back by: {refresh}",
        "conflict": f"set it back by hand first, for {refresh} ends with a conflict with its field manager",
        "unseen": "the stack does not know this field: take it away by hand",
        "wait": f"wait until it is gone, then: {refresh}",
        "undo": "set back by: lab rollout undo, or left as it is: a Rollout's version is often changed like this",
        "release": "no update looks inside a Helm release: set it back by hand; "
        "what the chart says is in: helm get manifest RELEASE -n NAMESPACE",
    }


def _condensed(owned: Sequence[Owned]) -> Mapping[tuple[str, str, str, tuple[str, ...]], list[str]]:
    """The objects of which the same can be said."""
    found: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for each in owned:
        named = found.setdefault((each.kind, each.manager, each.why, each.fields), [])
        named.append(f"{each.namespace}/{each.name}".removeprefix("/"))
    return found


def _object(change: Change) -> str:
    place = f"{change.namespace}/{change.name}".removeprefix("/")
    return f"{change.kind} {place}" + (f" of the Helm release {change.release}" if change.release else "")


def _counted(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _say(line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)
