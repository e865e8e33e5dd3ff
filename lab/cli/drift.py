"""`lab drift`: tell manual changes in the cluster from what controllers own."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import counted, print_json, say, styled
from lab.cli.options import Json, StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.services.drift.compare import Change, DriftReport, Owned

_NAMED = 3
"""Number of objects or fields that are named before the rest is only counted."""


def drift(stack: StackName = "dev", *, as_json: Json = False) -> None:
    """Tell manual changes in the cluster from what controllers own.

    The evidence is the field manager: every object records who wrote which of its fields. The Kubernetes resources of
    the stack and the objects of its Helm releases are examined, and nothing is changed. Objects that are not of the
    stack, and change how it behaves, are listed too, with what they affect. Exits with 0 if nothing was changed
    manually, else with 1; objects beside the stack's own are no change.
    """
    from dataclasses import replace

    from lab.services.drift import charts, live, state, undeclared
    from lab.services.drift.compare import compare

    target = Stack(stack)
    target.require_up()
    with Progress() as progress:
        with progress.step("reading what the stack declared", usual=2):
            declared = state.declared(target.export())
        if not declared:
            raise LabError(f"stack {stack} has nothing in its cluster", f"make up{target.suffix}")
        with progress.step(f"asking the cluster for {len(declared)} objects", usual=2):
            cluster = live.look(target, declared, undeclared.WATCHED)
        report = compare(declared, cluster)
        if releases := {change.release for change in report.changed} - {""}:
            with progress.step("reading what the charts say", usual=2):
                report = compare(charts.declare(declared, charts.ask(target, releases)), cluster)
    report = replace(report, undeclared=undeclared.find(declared, cluster))
    if as_json:
        print_json(asdict(report))
    else:
        _print(report, target)
    sys.exit(1 if report.changed else 0)


def _print(report: DriftReport, stack: Stack) -> None:
    if report.changed:
        say(styled("[bold red]Changed by hand[/]"))
        for what, changes in groupby(report.changed, key=_object):
            say(styled("  [bold]{}[/]", what))
            for change in changes:
                _print_change(change)
    if report.undeclared:
        say(styled("[bold]Not of the stack, and it changes how the lab behaves[/]"))
        for each in report.undeclared:
            say(styled("  [bold]{}[/]", each.title))
            say(f"    effect    {each.effect}")
            say(f"    by        {each.manager or 'somebody'}, {each.time}")
    if report.owned:
        say(styled("[bold]Owned by controllers (expected)[/]"))
        for (kind, manager, why, fields), objects in _condensed(report.owned).items():
            say(f"  {f'{kind} {_listed(objects)}: {_listed(fields)}'}")
            say(f"    by        {f'{manager}: {why}'}")
    _summarize(report, stack)


def _print_change(change: Change) -> None:
    say(f"    {change.field}")
    say(f"      now       {change.now}")
    say(f"      declared  {change.declared}")
    if change.manager:
        say(f"      by        {change.manager}, {change.time}")
    if change.note:
        say(f"      note      {change.note}")


def _summarize(report: DriftReport, stack: Stack) -> None:
    if report.undeclared:
        say(f"Beside the stack: {counted(len(report.undeclared), 'object')} that `make up` leaves alone.")
    if not report.changed:
        say(styled("[green]Nothing was changed by hand[/] in {} objects of stack {}.", report.objects, stack.name))
        return
    touched = len({_object(change) for change in report.changed})
    count = f"{counted(len(report.changed), 'change')} of {counted(touched, 'object')}"
    say(styled("[red]By hand: {}[/], of {} that were looked at.", count, report.objects))
    say(f"`make up{stack.suffix}` writes an object only when its settings change, so until then they stay.")
    for way in dict.fromkeys(change.way for change in report.changed):
        fields = [change for change in report.changed if change.way == way]
        named = _listed(list(dict.fromkeys(f"{_object(each)} {each.field}" for each in fields)))
        say(f"  {named}")
        say(f"    {_undoing(stack)[way]}")


def _undoing(stack: Stack) -> Mapping[str, str]:
    """Instructions by remediation."""
    refresh = f"pulumi up --refresh --stack {stack.name}"
    return {
        "refresh": f"set back by the next update that changes the object, or now by: {refresh}",
        "scaled": "left to whoever scaled it until the setting changes; set back by: kubectl scale --replicas=NUMBER",
        "unseen": "the stack does not know this field: remove it manually",
        "wait": f"wait until it is gone, then: {refresh}",
        "undo": "set back by: lab rollout undo, or left as it is: a Rollout's version is often changed like this",
        "release": "no update looks inside a Helm release: set it back manually; "
        "what the chart says is in: helm get manifest RELEASE -n NAMESPACE",
    }


def _condensed(owned: Sequence[Owned]) -> Mapping[tuple[str, str, str, tuple[str, ...]], list[str]]:
    """Objects with the same owner and fields."""
    found: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for each in owned:
        named = found.setdefault((each.kind, each.manager, each.why, each.fields), [])
        named.append(f"{each.namespace}/{each.name}".removeprefix("/"))
    return found


def _object(change: Change) -> str:
    name = f"{change.namespace}/{change.name}".removeprefix("/")
    return f"{change.kind} {name}" + (f" of the Helm release {change.release}" if change.release else "")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
