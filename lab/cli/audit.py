"""`lab audit`: whether anything is left of a lab that was taken down."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.core.errors import LabError
from lab.services.audit.finding import Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.audit.finding import Finding

console = Console()

_COLOURS = {Verdict.CLEAN: "green", Verdict.LEFT: "bold red", Verdict.KEPT: "yellow", Verdict.UNSEEN: "yellow"}

_NAMED = 5
"""How much of what is left is named before the rest is only counted; JSON has all."""


def audit(
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
    ] = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for a program.")] = False,
) -> None:
    """Prove that nothing is left of a lab that was taken down.

    On every target: processes, ports, files, locks and credentials on this machine. On an existing cluster besides:
    whether it is back to what it was before the lab came. On Azure: both resource groups, resources with the lab's
    tags, and role assignments. Nothing is changed. It ends with 0 when nothing is left, else with 1.
    """
    from lab.services import lifecycle

    lifecycle.prepare(Progress())
    target = Stack(stack)
    with Progress() as progress, progress.step("looking for what is left", usual=2):
        report = examine(target)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "clean": report.clean}, indent=2, ensure_ascii=False))
    else:
        _print(report)
    sys.exit(0 if report.clean else 1)


def examine(stack: Stack) -> Report:
    """Look at everything that the target of a stack can leave.

    Raises:
        LabError: the lab still stands, or something cannot be looked at.
    """
    from lab.services.audit import machine

    findings = [_state(stack), *machine.examine(stack)]
    if stack.target == "kubeconfig":
        from lab.services.audit import existing

        findings += existing.examine(stack)
    elif stack.target == "azure":
        from lab.services.audit import subscription

        findings += subscription.examine(stack)
    elif stack.target == "shared":
        from lab.services.audit.finding import Finding

        note = "they are in the cluster of another stack: kubectl get namespaces, with that one's kubeconfig"
        findings.append(Finding(looked_at="namespaces", verdict=Verdict.UNSEEN, note=note))
    return Report(stack=stack.name, target=stack.target, findings=tuple(findings))


def summarize(reports: Sequence[Report], console: Console) -> None:
    """Print several reports: the clean ones in a line, of the others all that is left."""
    clean = [each.stack for each in reports if each.clean]
    if clean:
        console.print(f"Nothing is left of {', '.join(clean)}.", highlight=False)
    for report in reports:
        if not report.clean:
            console.print(f"[bold red]{report.stack}[/]")
            _print(report)


def _state(stack: Stack) -> Finding:
    """What the state still knows, after a `down` that did not come to its end.

    Raises:
        LabError: nobody took the lab down.
    """
    from lab.services.audit import finding, record

    known = record.standing(stack.export()) if stack.exists() else []
    if known and stack.last_update() != "destroy":
        raise LabError(
            f"stack {stack.name} still stands, with {len(known)} resources: an audit is for what was taken down",
            f"make down{stack.suffix}",
        )
    return finding.of("state", known, remedy=f"make down{stack.suffix}")


def _print(report: Report) -> None:
    table = Table(
        Column("looked at", no_wrap=True), Column("result", no_wrap=True), Column("what is there", overflow="fold")
    )
    for each in report.findings:
        shown = [*each.left[:_NAMED], *([f"and {len(each.left) - _NAMED} more"] if len(each.left) > _NAMED else [])]
        lines = "\n".join([*shown, *([each.note] if each.note else [])])
        table.add_row(each.looked_at, Text(each.verdict, style=_COLOURS[each.verdict]), Text(lines))
    console.print(table)
    left = [each for each in report.findings if each.verdict is Verdict.LEFT]
    for each in left:
        for line in each.remedy.splitlines():
            console.print(f"{each.looked_at}: {line}", markup=False, highlight=False, soft_wrap=True)
    if left:
        names = ", ".join(each.looked_at for each in left)
        console.print(f"[red]Something is left[/] of stack {report.stack}: {names}.", highlight=False, soft_wrap=True)
    else:
        console.print(f"[green]Nothing is left[/] of stack {report.stack}.", highlight=False)
