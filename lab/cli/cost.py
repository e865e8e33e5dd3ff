"""`lab cost`: what a stack costs an hour, a course day and a course, before it is made and while it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lab.adapters.stack import Stack
from lab.core.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.cost.estimate import Course, Share
    from lab.services.cost.prices import PriceBook

console = Console()


def cost(  # noqa: PLR0913 - its options
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
    ] = "dev",
    hours_per_day: Annotated[
        int | None, typer.Option(min=1, max=24, help="How long a course day is.", show_default="8")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=365, help="How many there are.", show_default="5")] = None,
    *,
    roster: Annotated[str, typer.Option(help="A class file: what the whole class costs, and each student.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for a program.")] = False,
    online: Annotated[
        bool | None,
        typer.Option(
            "--online/--offline",
            help="Only Azure's price list, or only the table of the repository.",
            show_default="the list, and the table for what it does not say",
        ),
    ] = None,
) -> None:
    """Estimate what a stack costs on Azure: an hour, a course day and a course, and what would save.

    There is a line for each resource, and the total is their sum. A price that nobody knows is an error and never a
    zero. Nothing is asked of the subscription, and nothing is made.
    """
    from lab.services import azure_updates
    from lab.services.cost.estimate import Course, Share

    if roster:
        from pathlib import Path

        from lab.services.classes import price, validation

        klass = validation.read(Path(roster))
        said = price.course(klass)
        asked = Course(hours_per_day=hours_per_day or said.hours_per_day, days=days or said.days)
        show_class(price.shares(klass), asked, as_json=as_json, online=online)
        return
    shares = [Share(stack=stack, settings=azure_updates.planned(Stack(stack)))]
    _show(shares, course(hours_per_day, days), as_json=as_json, online=online, of_class=False)


def show_class(shares: Sequence[Share], course: Course, *, as_json: bool = False, online: bool | None = None) -> None:
    """Print what a class costs: a row for each stack, what each student costs, and the total.

    Args:
        shares: its stacks.
        course: for how long.
        as_json: for a program, with the lines of every resource.
        online: only Azure's price list, or only the table of the repository; None for the list and then the table.

    Raises:
        LabError: a price is not known, or only the list was to be asked and cannot be.
    """
    _show(shares, course, as_json=as_json, online=online, of_class=True)


def course(hours_per_day: int | None, days: int | None) -> Course:
    """A course of which only some is said."""
    from lab.services.cost.estimate import Course

    usual = Course()
    return Course(hours_per_day=hours_per_day or usual.hours_per_day, days=days or usual.days)


def _show(shares: Sequence[Share], course: Course, *, as_json: bool, online: bool | None, of_class: bool) -> None:
    from lab.cli import cost_table
    from lab.services.cost.estimate import class_estimate, plain_course
    from lab.services.cost.prices import UnknownPriceError
    from lab.services.cost.savings import savings

    book, notes = _book(shares, online=online)
    try:
        found = class_estimate(shares, book)
    except UnknownPriceError as unknown:
        # That the list was asked, and why in vain, is half of the answer.
        raise UnknownPriceError("\n".join((unknown.message, *notes)), unknown.remedy) from None
    saved = savings(found, shares, book, course)
    if as_json:
        told = {"course": plain_course(course, found), "savings": [saving.plain() for saving in saved], "notes": notes}
        typer.echo(json.dumps({**found.plain(), **told}, indent=2, ensure_ascii=False))
    else:
        print_it = cost_table.show_class if of_class else cost_table.show
        print_it(found, saved, course, console, notes=notes)


def _book(shares: Sequence[Share], *, online: bool | None) -> tuple[PriceBook, list[str]]:
    """The prices, and what to say about where they are from."""
    from lab.services.cost import prices, retail
    from lab.services.cost.line_items import bill, spot_meters

    billed = [item.meter for share in shares for item in bill(share.settings) if item.meter]
    if online is False or not billed:
        return prices.table(), []
    choices = [choice for share in shares if (choice := spot_meters(share.settings))]
    wanted = [*billed, *(meter for choice in choices for meter in (choice.usual, choice.spot))]
    try:
        with Progress() as progress, progress.step("asking Azure's price list", usual=3):
            asked = retail.ask(wanted)
    except retail.RetailError as error:
        if online:
            raise
        return prices.table(), [f"{error.message}. So the prices are those of the repository's table."]
    return (asked if online else asked.or_else(prices.table())), []
