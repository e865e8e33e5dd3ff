"""Enforce `azure.budget.maxPerHour` before anything is created."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.platforms.azure.cost.estimate import Share, estimate
from lab.platforms.azure.cost.prices import CURRENCY, UnknownPriceError, table

if TYPE_CHECKING:
    from lab.platforms.azure.cost.estimate import Estimate
    from lab.settings import Settings

SETTING = f"{PROJECT}:azure.budget.maxPerHour"

_NAMED = 3
"""Number of lines that a refusal lists, the largest first."""


def hold(settings: Settings, *, stack: str) -> None:
    """Refuse settings that may cost more than their own limit; without a limit nothing is estimated."""
    limit = Decimal(str(settings.azure.budget.max_per_hour))
    if not limit:
        return
    from lab.platforms.azure.cost import retail  # and with it a client of HTTP, which no program without a limit needs

    try:
        found = retail.estimate_with_fallback([Share(stack=stack, settings=settings)])
    except UnknownPriceError as unknown:
        raise LabError(
            f"{SETTING} is {limit}, and cannot be held: {unknown.message}",
            f"choose what has a known price, run it again where Azure's price list can be asked, or go on without "
            f"a limit: pulumi config rm --stack {stack} --path {SETTING}",
        ) from None
    require_within(found, limit, stack=stack)


def require_within(found: Estimate, limit: Decimal, *, stack: str) -> None:
    """Refuse an estimate above a limit in US dollars an hour.

    The largest size that the autoscaler may reach counts: nobody is asked again before it grows.
    """
    if found.at_most <= limit:
        return
    largest = sorted(found.lines, key=lambda line: line.at_most, reverse=True)[:_NAMED]
    listing = "\n".join(f"  {line.resource}: {line.most} {line.what}, {line.at_most}" for line in largest)
    raise LabError(
        f"{SETTING} is {limit}, but this plan may cost {found.at_most} {CURRENCY} an hour; most of it:\n{listing}",
        f"ask for less in Pulumi.{stack}.yaml, such as azure.systemPool.maxCount; or allow more: "
        f"pulumi config set --stack {stack} --path {SETTING} {found.at_most}; all lines: lab cost --stack {stack}",
    )


def hourly(settings: Settings) -> Estimate | None:
    """Estimate by the repository's table alone, for information; None if it lacks a price."""
    try:
        return estimate(settings, table())
    except UnknownPriceError:
        return None


def summary(found: Estimate | None) -> str:
    """Say in one line what a lab costs an hour."""
    if found is None:
        return "What this lab costs an hour is not known without Azure's price list: lab cost --online"
    most = f", at most {found.at_most} with every autoscaler at its maximum" if found.at_most > found.per_hour else ""
    return f"This lab costs about {found.per_hour} {CURRENCY} an hour{most}. Line by line: lab cost"
