"""Cost estimates of stacks: pure functions of settings and prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from lab.platforms.azure.cost.line_items import Item, line_items
from lab.platforms.azure.cost.prices import CENT_OF_CENT, CURRENCY, Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.platforms.azure.cost.prices import PriceBook
    from lab.settings import Settings, Target

_FREE = Decimal("0.0000")
_CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Share:
    """One stack of a class. `platform` marks the stack that the others share."""

    stack: str
    settings: Settings
    platform: bool = False


@dataclass(frozen=True, kw_only=True)
class Line(Item):
    """A line item with its price; None for what is free. Totals are sums of these rounded numbers."""

    price: Price | None

    @property
    def each(self) -> Decimal:
        """Hourly price of one."""
        return self.price.per_hour if self.price else _FREE

    @property
    def per_hour(self) -> Decimal:
        """Hourly price of the initial count."""
        return self.each * self.number

    @property
    def at_most(self) -> Decimal:
        """Hourly price of the maximum count."""
        return self.each * self.most

    def plain(self) -> dict[str, Any]:
        """The line as JSON."""
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
    """Lines and their hourly totals."""

    lines: tuple[Line, ...]

    @property
    def per_hour(self) -> Decimal:
        """Total at the initial size."""
        return sum((line.per_hour for line in self.lines), _FREE)

    @property
    def at_most(self) -> Decimal:
        """Total at the largest size that the autoscaler may reach."""
        return sum((line.at_most for line in self.lines), _FREE)

    @property
    def stopped(self) -> Decimal:
        """Total while the cluster is stopped."""
        return sum((line.per_hour for line in self.lines if not line.stops), _FREE)

    @property
    def stopped_at_most(self) -> Decimal:
        """Total while a cluster is stopped that had reached its largest size."""
        return sum((line.at_most for line in self.lines if not line.stops), _FREE)


@dataclass(frozen=True, kw_only=True)
class Part(Sum):
    """Cost of one stack. `location` is empty outside Azure."""

    stack: str
    target: Target
    location: str
    platform: bool


@dataclass(frozen=True, kw_only=True)
class Estimate(Sum):
    """Cost of a stack or a class; `lines` are those of all parts."""

    parts: tuple[Part, ...]

    @property
    def students(self) -> int:
        """Number of stacks without the shared platform."""
        return sum(not part.platform for part in self.parts)

    @property
    def per_student(self) -> Decimal | None:
        """Hourly share of one student, the platform included; None without students."""
        return (self.per_hour / self.students).quantize(CENT_OF_CENT, ROUND_UP) if self.students else None

    def plain(self) -> dict[str, Any]:
        """The estimate as JSON, with the numbers that are printed."""
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
    """Duration of a course."""

    hours_per_day: int = 8
    days: int = 5

    @property
    def nightly(self) -> int:
        """Hours between two course days."""
        return 24 - self.hours_per_day

    def running(self, per_hour: Decimal) -> Decimal:
        """Cost of a day without a stop."""
        return per_hour * 24

    def stopped_at_night(self, per_hour: Decimal, stopped: Decimal) -> Decimal:
        """Cost of a day when the cluster is stopped after class."""
        return per_hour * self.hours_per_day + stopped * self.nightly

    def deleted_at_night(self, per_hour: Decimal) -> Decimal:
        """Cost of a day when the lab is deleted after class."""
        return per_hour * self.hours_per_day


def plain_course(course: Course, found: Estimate) -> dict[str, Any]:
    """Costs of a day and of the course, as JSON."""
    options = {
        "leftRunning": course.running(found.per_hour),
        "stoppedAfterClass": course.stopped_at_night(found.per_hour, found.stopped),
        "takenDownAfterClass": course.deleted_at_night(found.per_hour),
    }
    return {
        "hoursPerDay": course.hours_per_day,
        "days": course.days,
        "perDay": {name: float(cents(day)) for name, day in options.items()},
        "perCourse": {name: float(cents(day * course.days)) for name, day in options.items()},
    }


def estimate(settings: Settings, book: PriceBook, *, stack: str = "") -> Estimate:
    """Estimate a stack: `class_estimate` of one."""
    return class_estimate([Share(stack=stack, settings=settings)], book)


def class_estimate(shares: Sequence[Share], book: PriceBook) -> Estimate:
    """Estimate the stacks of a class; those that are not on Azure cost nothing."""
    parts = tuple(_part(share, book) for share in shares)
    return Estimate(parts=parts, lines=tuple(chain.from_iterable(part.lines for part in parts)))


def cents(money: Decimal) -> Decimal:
    """Round up to cents."""
    return money.quantize(_CENT, ROUND_UP)


def sources(lines: Iterable[Line]) -> dict[tuple[str, str], list[str]]:
    """Resources by date and source of their price."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.price:
            named = found.setdefault((line.price.date, line.price.source), [])
            if line.resource not in named:
                named.append(line.resource)
    return found


def _part(share: Share, book: PriceBook) -> Part:
    lines = tuple(
        Line(**vars(item), price=book.price(item.meter, setting=item.setting) if item.meter else None)
        for item in line_items(share.settings)
    )
    return Part(
        stack=share.stack,
        target=share.settings.target,
        location=share.settings.azure.location if lines else "",
        platform=share.platform,
        lines=lines,
    )
