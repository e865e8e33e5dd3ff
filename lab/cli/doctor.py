"""`lab doctor`: tools, artifacts and, for Azure, the subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, say, styled
from lab.cli.options import StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure.checks import Check, Verdict
from lab.services import doctor as service
from lab.settings import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}


def doctor(
    stack: StackName = "dev",
    target: Annotated[str, typer.Option(help="`azure` also checks the subscription: login, quota, roles.")] = "",
) -> None:
    """Show every tool and artifact: its version, its origin, what is missing, and how it would come now."""
    report = service.examine()
    show(report)
    if not report.complete:
        raise LabError("something is missing", "make up")
    where = target or Stack(stack).target
    show_metrics(service.metrics(Stack(stack), where))
    if where == Target.AZURE:
        from lab.services import azure_updates, preflight

        with Progress() as progress:
            checks = preflight.examine(azure_updates.needs(Stack(stack)), progress)
        show_checks(checks)
        if not preflight.passed(checks):
            raise LabError("`up` would fail on this subscription", "run the remedies above, then this again")


def show(report: service.Report) -> None:
    """Print every tool and artifact with its version and origin, then each fault with its remedy."""
    table = Table(
        *("name", "pinned", "found", "where it came from", "source now"),
        title=f"cache: {paths.cache()}",
        title_justify="left",
    )
    for item in report.items:
        table.add_row(item.name, item.pinned, item.found or "-", item.origin, item.now)
    console.print(table)
    if not all(item.found for item in report.items):
        from lab.toolchain import forecast  # with an HTTP client, which no other command here needs

        say(forecast.NOTE)
    for item in report.items:
        if item.unused:
            say(f"not used: {item.name} {item.unused}")
    for item in report.items:
        if item.remedy and item.optional:
            say(styled("[bold yellow]missing:[/] {}; the lab works without: {}", item.name, item.remedy))
        elif item.remedy:
            say(styled("[bold red]missing:[/] {}: {}", item.name, item.remedy))
    for sentence in report.damaged:
        say(styled("[bold red]damaged:[/] {}", sentence))


def show_metrics(metrics: service.Metrics) -> None:
    """Print what limits `kubectl top`, if anything."""
    if metrics.simulated:
        say("kubectl top: its figures are simulated, a share of what each container requests")
    if metrics.remedy:
        what = "the metrics API, so `kubectl top` does not answer; the lab works without"
        say(styled("[bold yellow]missing:[/] {}: {}", what, metrics.remedy))


def show_checks(checks: Sequence[Check]) -> None:
    """Print the checks as a table, then each remedy on a line of its own, which can be copied."""
    table = Table("check", "result", "found", title="Azure", title_justify="left")
    for check in checks:
        table.add_row(check.name, Text(check.verdict, style=_COLOURS[check.verdict]), Text(check.found))
    console.print(table)
    for check in checks:
        if check.remedy:
            say(styled(f"[{_COLOURS[check.verdict]}]{{}}:[/] {{}}", check.name, check.remedy))
