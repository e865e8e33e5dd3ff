"""What stacks cost: pure, from settings and a book of prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from lab.services.cost.line_items import bill
from lab.services.cost.prices import CENT_OF_CENT, CURRENCY, Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.services.cost.prices import PriceBook
    from lab.settings import Settings, Target

_FREE = Decimal("0.0000")
_CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Share:
    """One stack of a class.

    Attributes:
        stack: its name.
        settings: its settings. What does not stand on Azure by itself costs nothing of its own.
        platform: it is nobody's own stack: others of the class live on it.
    """

    stack: str
    settings: Settings
    platform: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one resource costs. The sums are made of these numbers as they are shown, so they add up by eye too.

    Attributes:
        resource: what people call it.
        what: which one, or why it is there.
        number: how many at the beginning.
        most: how many the autoscaler may make of them.
        price: of one; none for what Azure gives for nothing.
        stops: whether it costs nothing while the cluster is stopped.
    """

    resource: str
    what: str
    number: int
    most: int
    price: Price | None
    stops: bool

    @property
    def each(self) -> Decimal:
        """One of them, an hour."""
        return self.price.per_hour if self.price else _FREE

    @property
    def per_hour(self) -> Decimal:
        """As many as there are at the beginning, an hour."""
        return self.each * self.number

    @property
    def at_most(self) -> Decimal:
        """As many as there may be, an hour."""
        return self.each * self.most

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "resource": self.resource,
            "what": self.what,
            "number": self.number,
            "most": self.most,
            "each": float(self.each),
            "perHour": float(self.per_hour),
            "atMost": float(self.at_most),
            "whileStopped": 0.0 if self.stops else float(self.per_hour),
            "source": self.price.source if self.price else None,
            "date": self.price.date if self.price else None,
            "upperBound": bool(self.price and self.price.at_most),
        }


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Lines and what they come to.

    Attributes:
        lines: of every resource.
    """

    lines: tuple[Line, ...]

    @property
    def per_hour(self) -> Decimal:
        """An hour, with what there is at the beginning."""
        return sum((line.per_hour for line in self.lines), _FREE)

    @property
    def at_most(self) -> Decimal:
        """An hour, with everything that the autoscaler may add."""
        return sum((line.at_most for line in self.lines), _FREE)

    @property
    def stopped(self) -> Decimal:
        """An hour while the cluster is stopped."""
        return sum((line.per_hour for line in self.lines if not line.stops), _FREE)

    @property
    def stopped_at_most(self) -> Decimal:
        """An hour while a cluster is stopped to which the autoscaler had added all that it may."""
        return sum((line.at_most for line in self.lines if not line.stops), _FREE)


@dataclass(frozen=True, kw_only=True)
class Part(Sum):
    """What one stack costs.

    Attributes:
        stack: its name.
        target: where it stands.
        location: Azure's name of the region; empty elsewhere.
        platform: it is nobody's own stack.
    """

    stack: str
    target: Target
    location: str
    platform: bool


@dataclass(frozen=True, kw_only=True)
class Estimate(Sum):
    """What one stack or a class costs.

    Attributes:
        parts: one for each stack; their lines are all lines.
    """

    parts: tuple[Part, ...]

    @property
    def students(self) -> int:
        """How many stacks are somebody's own."""
        return sum(not part.platform for part in self.parts)

    @property
    def per_student(self) -> Decimal | None:
        """An hour, the common platform shared out; none for a class of nobody."""
        return (self.per_hour / self.students).quantize(CENT_OF_CENT, ROUND_UP) if self.students else None

    def plain(self) -> dict[str, Any]:
        """For programs: the same numbers as people see."""
        return {
            "currency": CURRENCY,
            "perHour": float(self.per_hour),
            "atMost": float(self.at_most),
            "whileStopped": float(self.stopped),
            "perStudent": None if self.per_student is None else float(self.per_student),
            "stacks": [
                {
                    "stack": part.stack,
                    "target": str(part.target),
                    "location": part.location,
                    "platform": part.platform,
                    "perHour": float(part.per_hour),
                    "atMost": float(part.at_most),
                    "lines": [line.plain() for line in part.lines],
                }
                for part in self.parts
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Course:
    """For how long.

    Attributes:
        hours_per_day: how long a course day is; for the rest of it nobody needs the lab.
        days: how many.
    """

    hours_per_day: int = 8
    days: int = 5

    @property
    def nightly(self) -> int:
        """Hours of a day in which nobody needs it."""
        return 24 - self.hours_per_day

    def running(self, per_hour: Decimal) -> Decimal:
        """A day when it runs day and night."""
        return per_hour * 24

    def stopped_at_night(self, per_hour: Decimal, stopped: Decimal) -> Decimal:
        """A day when it is stopped after class."""
        return per_hour * self.hours_per_day + stopped * self.nightly

    def deleted_at_night(self, per_hour: Decimal) -> Decimal:
        """A day when it is taken down after class."""
        return per_hour * self.hours_per_day


def plain_course(course: Course, found: Estimate) -> dict[str, Any]:
    """What a day and all days come to, for programs."""
    ways = {
        "leftRunning": course.running(found.per_hour),
        "stoppedAfterClass": course.stopped_at_night(found.per_hour, found.stopped),
        "takenDownAfterClass": course.deleted_at_night(found.per_hour),
    }
    return {
        "hoursPerDay": course.hours_per_day,
        "days": course.days,
        "perDay": {name: float(cents(day)) for name, day in ways.items()},
        "perCourse": {name: float(cents(day * course.days)) for name, day in ways.items()},
    }


def estimate(settings: Settings, book: PriceBook, *, stack: str = "") -> Estimate:
    """What a stack costs.

    Args:
        settings: its settings; nothing is billed of a stack that does not stand on Azure.
        book: the prices.
        stack: its name.

    Raises:
        UnknownPriceError: a price is not known, so the sum is not known either.
    """
    return class_estimate([Share(stack=stack, settings=settings)], book)


def class_estimate(shares: Sequence[Share], book: PriceBook) -> Estimate:
    """What a class costs: every stack that stands on Azure by itself, and nothing for those that live on another.

    Raises:
        UnknownPriceError: a price is not known, so the sum is not known either.
    """
    parts = tuple(_part(share, book) for share in shares)
    return Estimate(parts=parts, lines=tuple(chain.from_iterable(part.lines for part in parts)))


def cents(money: Decimal) -> Decimal:
    """For days and courses; rounded up, for nobody minds paying less."""
    return money.quantize(_CENT, ROUND_UP)


def sources(lines: Iterable[Line]) -> dict[tuple[str, str], list[str]]:
    """By day and words of a source: of what it gave the price."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.price:
            named = found.setdefault((line.price.date, line.price.source), [])
            if line.resource not in named:
                named.append(line.resource)
    return found


def _part(share: Share, book: PriceBook) -> Part:
    lines = tuple(
        Line(
            resource=item.resource,
            what=item.what,
            number=item.number,
            most=item.most,
            price=book.price(item.meter, setting=item.setting) if item.meter else None,
            stops=item.stops,
        )
        for item in bill(share.settings)
    )
    return Part(
        stack=share.stack,
        target=share.settings.target,
        location=share.settings.azure.location if lines else "",
        platform=share.platform,
        lines=lines,
    )
