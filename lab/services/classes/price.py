"""The cost of a class, and its limit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.platforms.azure.cost import retail
from lab.platforms.azure.cost.estimate import Course, Estimate, Share, cents
from lab.platforms.azure.cost.prices import CURRENCY
from lab.services.classes import configuration

if TYPE_CHECKING:
    from lab.services.classes.roster import Config, Roster
    from lab.settings import Settings


def shares(roster: Roster) -> list[Share]:
    """Every stack of a class, with what it asks for."""
    shared = (
        [Share(stack=roster.platform_stack, settings=_settings(configuration.of_platform(roster)), platform=True)]
        if roster.shared
        else []
    )
    return [
        *shared,
        *(
            Share(stack=each.stack, settings=_settings(configuration.of_student(roster, each)))
            for each in roster.students
        ),
    ]


def course(roster: Roster) -> Course:
    """For how long a class is."""
    return Course(hours_per_day=roster.hours, days=roster.days)


def estimate(roster: Roster) -> Estimate:
    """Estimate what a class costs.

    Raises:
        UnknownPriceError: a price is not known.
    """
    return retail.estimate_with_fallback(shares(roster))


def hold(roster: Roster, found: Estimate) -> None:
    """Refuse a class that may cost more than its own limit.

    Args:
        roster: the class.
        found: what it costs.

    Raises:
        LabError: it may cost more.
    """
    limit = Decimal(str(roster.budget.max_per_hour))
    if limit and found.at_most > limit:
        raise LabError(
            f"budget.maxPerHour of class {roster.classroom} is {limit}, but the class may cost "
            f"{found.at_most} {CURRENCY} an hour",
            "share a cluster with tenancy namespace, ask for less such as azure.systemPool.maxCount, or raise the "
            "limit; all lines: lab cost --roster FILE",
        )


def sentence(roster: Roster, found: Estimate) -> str:
    """Summarize what a class costs in one line."""
    if not found.at_most:
        return "It costs nothing: no part of it stands on Azure."
    spent = course(roster)
    day = cents(found.per_hour * spent.hours_per_day)
    each = f", {found.per_student} for each student" if found.per_student is not None else ""
    return (
        f"It costs {found.per_hour} {CURRENCY} an hour{each}, at most {found.at_most}; {day} for a day of "
        f"{spent.hours_per_day} hours, when it is down at night. All lines: lab cost --roster FILE"
    )


def _settings(config: Config) -> Settings:
    return configuration.checked(config, source="the class file")
