"""What would save money: the what-ifs, each with what it takes for granted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lab.services.cost.estimate import cents
from lab.services.cost.line_items import spot_meters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.services.cost.estimate import Course, Estimate, Share
    from lab.services.cost.line_items import SpotChoice
    from lab.services.cost.prices import PriceBook

FORGOTTEN_DAYS = 30
"""How long a lab that nobody takes down is thought to stand before the bill is read."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """One what-if.

    Attributes:
        name: what would be done.
        given: what is taken for granted.
        usd: what it saves; none when a price that it needs is not known.
    """

    name: str
    given: str
    usd: Decimal | None

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {"name": self.name, "given": self.given, "usd": None if self.usd is None else float(self.usd)}


def savings(estimate: Estimate, shares: Sequence[Share], book: PriceBook, course: Course) -> tuple[Saving, ...]:
    """What would save, of a stack or a class; nothing for what costs nothing.

    Args:
        estimate: what they cost.
        shares: of which stacks.
        book: the prices, for those that an estimate does not need.
        course: for how long.
    """
    return tuple(_savings(estimate, shares, book, course)) if estimate.per_hour else ()


def _savings(estimate: Estimate, shares: Sequence[Share], book: PriceBook, course: Course) -> Iterator[Saving]:
    day = course.running(estimate.per_hour)
    if course.nightly:
        stopped = course.stopped_at_night(estimate.per_hour, estimate.stopped)
        deleted = course.deleted_at_night(estimate.per_hour)
        yield Saving(
            name="lab stop after class",
            given=f"{course.days} nights of {course.nightly} h without nodes, against running on",
            usd=cents(day * course.days) - cents(stopped * course.days),
        )
        yield Saving(
            name="lab down after class",
            given=f"{course.days} nights of {course.nightly} h without anything, against running on",
            usd=cents(day * course.days) - cents(deleted * course.days),
        )
    yield from _spot(shares, book, course)
    yield Saving(
        name="lab class reap on expires",
        given=f"otherwise forgotten and running for {FORGOTTEN_DAYS} days more",
        usd=cents(day * FORGOTTEN_DAYS),
    )


def _spot(shares: Sequence[Share], book: PriceBook, course: Course) -> Iterator[Saving]:
    """What the nodes that may come save as spot nodes, for as long as they are there."""
    choices = [choice for share in shares if (choice := spot_meters(share.settings))]
    if not choices:
        return
    nodes = sum(choice.nodes for choice in choices)
    saved = _saved(choices, book)
    if saved is not None and saved <= 0:
        return
    hours = course.hours_per_day * course.days
    have = any(choice.have for choice in choices)
    yield Saving(
        name="the spot pool, when full" if have else "a spot pool",
        given=f"up to {nodes} nodes are spot nodes in all {hours} h of class, not ordinary ones",
        usd=None if saved is None else cents(saved * hours),
    )


def _saved(choices: Sequence[SpotChoice], book: PriceBook) -> Decimal | None:
    """An hour; none when one of the prices is not known."""
    saved = Decimal(0)
    for choice in choices:
        usual, spot = book.find(choice.usual), book.find(choice.spot)
        if not usual or not spot:
            return None
        saved += (usual.per_hour - spot.per_hour) * choice.nodes
    return saved
