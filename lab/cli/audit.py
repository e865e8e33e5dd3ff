"""`lab audit`: prove that nothing is left of a destroyed lab."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Column
from rich.text import Text

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, print_json, say, styled
from lab.cli.options import Json, StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.services.audit.audit import examine
from lab.services.audit.finding import AuditVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lab.services.audit.finding import AuditReport

_COLOURS = {
    AuditVerdict.CLEAN: "green",
    AuditVerdict.LEFT: "bold red",
    AuditVerdict.KEPT: "yellow",
    AuditVerdict.UNSEEN: "yellow",
}

_NAMED = 5
"""Number of leftovers that are listed before the rest is only counted; JSON has all."""


def audit(stack: StackName = "dev", *, as_json: Json = False) -> None:
    """Prove that nothing is left of a lab that was taken down.

    On every target: processes, ports, files, locks and credentials on this machine. On an existing cluster: whether it
    is back to what it was before the lab came. On Azure: both resource groups, resources with the lab's tags, and role
    assignments. Nothing is changed. Exits with 0 if nothing is left, else with 1.
    """
    from lab.services import lifecycle

    lifecycle.prepare(Progress())
    target = Stack(stack)
    with Progress() as progress, progress.step("looking for what is left", usual=2):
        report = examine(target)
    if as_json:
        print_json({**asdict(report), "clean": report.clean})
    else:
        _print(report)
    sys.exit(0 if report.clean else 1)


def summarize(reports: Sequence[AuditReport], console: Console) -> None:
    """Print several reports: one line for the clean ones, all leftovers of the others."""
    clean = [each.stack for each in reports if each.clean]
    if clean:
        console.print(f"Nothing is left of {', '.join(clean)}.", highlight=False)
    for report in reports:
        if not report.clean:
            console.print(styled("[bold red]{}[/]", report.stack))
            _print(report)


def _print(report: AuditReport) -> None:
    table = Table(
        Column("looked at", no_wrap=True), Column("result", no_wrap=True), Column("what is there", overflow="fold")
    )
    for each in report.findings:
        shown = [*each.left[:_NAMED], *([f"and {len(each.left) - _NAMED} more"] if len(each.left) > _NAMED else [])]
        lines = "\n".join([*shown, *([each.note] if each.note else [])])
        table.add_row(each.looked_at, Text(each.verdict, style=_COLOURS[each.verdict]), Text(lines))
    console.print(table)
    left = [each for each in report.findings if each.verdict is AuditVerdict.LEFT]
    for each in left:
        for line in each.remedy.splitlines():
            say(f"{each.looked_at}: {line}")
    if left:
        names = ", ".join(each.looked_at for each in left)
        say(styled("[red]Something is left[/] of stack {}: {}.", report.stack, names))
    else:
        say(styled("[green]Nothing is left[/] of stack {}.", report.stack))
