"""`lab cost`: estimate the Azure bill of a stack or a class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import console, print_json
from lab.cli.options import Json, StackName  # noqa: TC001 - Typer looks at the types when it runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.platforms.azure.cost.estimate import Course, Share


def cost(  # noqa: PLR0913 - its options
    stack: StackName = "dev",
    hours_per_day: Annotated[
        int | None, typer.Option(min=1, max=24, help="Length of a course day.", show_default="8")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=365, help="Number of course days.", show_default="5")] = None,
    *,
    roster: Annotated[str, typer.Option(help="A class file: estimate the whole class, and each student.")] = "",
    as_json: Json = False,
    online: Annotated[
        bool | None,
        typer.Option(
            "--online/--offline",
            help="Only Azure's price list, or only the table of the repository.",
            show_default="the list, and the table for what it lacks",
        ),
    ] = None,
) -> None:
    """Estimate what a stack costs on Azure: an hour, a course day and a course, and what would save.

    Every resource has a line, and the total is their sum. An unknown price is an error, never a zero. The subscription
    is not used, and nothing is created.
    """
    from lab.platforms.azure.cost.estimate import Course, Share

    if roster:
        from lab.services.classes import price, validation

        classroom = validation.read(Path(roster))
        shares, usual = price.shares(classroom), price.course(classroom)
    else:
        from lab.services import azure_updates

        shares, usual = [Share(stack=stack, settings=azure_updates.standing(Stack(stack)))], Course()
    course = Course(hours_per_day=hours_per_day or usual.hours_per_day, days=days or usual.days)
    show(shares, course, of_class=bool(roster), as_json=as_json, online=online)


def show(shares: Sequence[Share], course: Course, *, of_class: bool, as_json: bool, online: bool | None) -> None:
    """Print the estimate of a stack, a line for each resource, or of a class, a line for each stack."""
    from lab.cli import cost_table
    from lab.platforms.azure.cost import retail
    from lab.platforms.azure.cost.estimate import class_estimate, plain_course
    from lab.platforms.azure.cost.prices import UnknownPriceError
    from lab.platforms.azure.cost.savings import savings

    with Progress() as progress:
        book, notes = retail.current_prices(shares, progress, online=online)
    try:
        found = class_estimate(shares, book)
    except UnknownPriceError as unknown:
        # Why the price list was no help is half of the answer.
        raise UnknownPriceError("\n".join((unknown.message, *notes)), unknown.remedy) from None
    saved = savings(found, shares, book, course)
    if as_json:
        more = {"course": plain_course(course, found), "savings": [saving.plain() for saving in saved], "notes": notes}
        print_json({**found.plain(), **more})
    else:
        print_it = cost_table.show_class if of_class else cost_table.show
        print_it(found, saved, course, console, notes=notes)
