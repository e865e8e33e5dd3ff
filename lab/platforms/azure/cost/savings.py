"""Possible savings, each with its assumption."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lab.platforms.azure.cost.estimate import cents
from lab.platforms.azure.cost.line_items import spot_choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.platforms.azure.cost.estimate import Course, Estimate, Share
    from lab.platforms.azure.cost.line_items import SpotChoice
    from lab.platforms.azure.cost.prices import PriceBook

FORGOTTEN_DAYS = 30
"""Assumed days until a forgotten lab is noticed."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """One possible saving; `usd` is None if a price is not known."""

    name: str
    given: str
    usd: Decimal | None

    def plain(self) -> dict[str, Any]:
        """The saving as JSON."""
        return {"name": self.name, "given": self.given, "usd": None if self.usd is None else float(self.usd)}


def savings(estimate: Estimate, shares: Sequence[Share], book: PriceBook, course: Course) -> tuple[Saving, ...]:
    """Possible savings on an estimate of these stacks; none if nothing is billed."""
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
    """Saving by spot nodes, for as many nodes as the autoscaler may add."""
    choices = [choice for share in shares if (choice := spot_choice(share.settings))]
    if not choices:
        return
    nodes = sum(choice.nodes for choice in choices)
    saved = _saved(choices, book)
    if saved is not None and saved <= 0:
        return
    hours = course.hours_per_day * course.days
    enabled = any(choice.enabled for choice in choices)
    yield Saving(
        name="the spot pool, when full" if enabled else "a spot pool",
        given=f"up to {nodes} nodes are spot nodes in all {hours} h of class, not ordinary ones",
        usd=None if saved is None else cents(saved * hours),
    )


def _saved(choices: Sequence[SpotChoice], book: PriceBook) -> Decimal | None:
    """Hourly saving; None if a price is not known."""
    saved = Decimal(0)
    for choice in choices:
        usual, spot = book.find(choice.usual), book.find(choice.spot)
        if not usual or not spot:
            return None
        saved += (usual.per_hour - spot.per_hour) * choice.nodes
    return saved
