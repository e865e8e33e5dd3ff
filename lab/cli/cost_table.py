"""Tables of a cost estimate, for 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Column
from rich.text import Text

from lab.cli.console import Table, counted, styled
from lab.platforms.azure.cost.estimate import cents, sources
from lab.platforms.azure.cost.prices import CURRENCY
from lab.settings import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from lab.platforms.azure.cost.estimate import Course, Estimate, Line, Part
    from lab.platforms.azure.cost.savings import Saving

_NOTHING = {
    Target.EMBEDDED: "It runs on this machine: nothing is billed.",
    Target.KUBECONFIG: "It lives on a cluster that is there anyway: the lab itself makes nothing that is billed.",
}

_LEFT_OUT = (
    "Not in it: traffic, taxes, discounts, credits, and what the registry and logs store beyond what is included."
)


def show(
    estimate: Estimate, found: Sequence[Saving], course: Course, console: Console, *, notes: Iterable[str] = ()
) -> None:
    """Print the estimate of one stack, with notes on its prices."""
    (part,) = estimate.parts
    where = f" in {part.location}" if part.location else ""
    _say(console, styled("[bold]Stack {}[/]: {}{}, {}", part.stack, part.target, where, CURRENCY))
    if not part.lines:
        _say(console, f"{_NOTHING[part.target]} The total is 0.0000 {CURRENCY} an hour.")
        return
    table = _table("resource", "what", "number", "each", "an hour", "at most")
    for line in part.lines:
        number = _range(line.number, line.most)
        table.add_row(line.resource, line.what, number, _each(line), str(line.per_hour), str(line.at_most))
    table.add_section()
    table.add_row(Text("total", "bold"), "", "", "", str(estimate.per_hour), str(estimate.at_most))
    console.print(table)
    _finish(estimate, found, course, console, notes)


def show_class(
    estimate: Estimate, found: Sequence[Saving], course: Course, console: Console, *, notes: Iterable[str] = ()
) -> None:
    """Print the estimate of a class, a row for each stack, with notes on its prices."""
    _say(console, styled("[bold]A class of {}[/], {}", counted(estimate.students, "student"), CURRENCY))
    table = _table("stack", "where", "nodes", "an hour", "at most")
    for part in estimate.parts:
        table.add_row(part.stack, _where(part), _nodes(part), str(part.per_hour), str(part.at_most))
    table.add_section()
    table.add_row(Text("total", "bold"), "", "", str(estimate.per_hour), str(estimate.at_most))
    if estimate.per_student is not None:
        table.add_row("for each student", "", "", str(estimate.per_student), "")
    console.print(table)
    if not estimate.per_hour:
        _say(console, f"Nothing is billed. The total is 0.0000 {CURRENCY} an hour.")
        return
    _finish(estimate, found, course, console, notes)


def _finish(
    estimate: Estimate, found: Sequence[Saving], course: Course, console: Console, notes: Iterable[str]
) -> None:
    _say(console, "At most: when the autoscaler has added all that it may.")
    if any(line.price and line.price.at_most for line in estimate.lines):
        _say(console, "* an upper bound; see the prices below.")
    _course(estimate, course, console)
    _savings(found, console)
    _say(console, styled("[bold]Prices[/]"))
    for note in notes:
        _say(console, note)
    for (date, source), resources in sources(estimate.lines).items():
        _say(console, f"  {date}: {', '.join(resources)}: {source}")
    _say(console, _LEFT_OUT)


def _course(estimate: Estimate, course: Course, console: Console) -> None:
    per_hour, at_most = estimate.per_hour, estimate.at_most
    options = [("left running day and night", course.running(per_hour), course.running(at_most))]
    if course.nightly:
        stopped = course.stopped_at_night(per_hour, estimate.stopped)
        stopped_at_most = course.stopped_at_night(at_most, estimate.stopped_at_most)
        deleted, deleted_at_most = course.deleted_at_night(per_hour), course.deleted_at_night(at_most)
        options += [
            ("stopped after class: lab stop", stopped, stopped_at_most),
            ("taken down after class: lab down", deleted, deleted_at_most),
        ]
    table = _table(f"a course day has {course.hours_per_day} h", "a day", counted(course.days, "day"), "at most")
    for name, day, most in options:
        table.add_row(name, str(cents(day)), str(cents(day * course.days)), str(cents(most * course.days)))
    console.print(table)


def _savings(found: Sequence[Saving], console: Console) -> None:
    table = _table("what saves", "given that", "saved")
    for saving in found:
        table.add_row(saving.name, saving.given, "price unknown" if saving.usd is None else str(saving.usd))
    console.print(table)


def _table(*heads: str) -> Table:
    """A table with words to the left and numbers to the right."""
    words = {"resource", "what", "stack", "where", "what saves", "given that", heads[0]}
    columns = [Column(head, justify="left" if head in words else "right", no_wrap=head not in words) for head in heads]
    return Table(*columns, box=box.SIMPLE, pad_edge=False, padding=(0, 1))


def _each(line: Line) -> str:
    if line.price is None:
        return "free"
    return f"{line.each}{'*' if line.price.at_most else ''}"


def _where(part: Part) -> str:
    words = f"{part.target} in {part.location}" if part.location else str(part.target)
    return f"{words}, for all" if part.platform else words


def _nodes(part: Part) -> str:
    pools = [line for line in part.lines if line.resource in {"system pool", "spot pool"}]
    return _range(sum(line.number for line in pools), sum(line.most for line in pools)) if pools else ""


def _range(number: int, most: int) -> str:
    return str(number) if number == most else f"{number}-{most}"


def _say(console: Console, text: str | Text) -> None:
    console.print(text if isinstance(text, Text) else Text(text))
