"""The limit of `azure.budget.maxPerHour`: a plan that may cost more is refused before anything is made."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lab.cost import retail
from lab.cost.bill import bill
from lab.cost.estimate import estimate
from lab.cost.prices import CURRENCY, UnknownPriceError
from lab.errors import LabError
from lab.tags import PROJECT

if TYPE_CHECKING:
    from lab.cost.estimate import Estimate
    from lab.settings import Settings

SETTING = f"{PROJECT}:azure.budget.maxPerHour"

_NAMED = 3
"""How many of the largest lines a refusal names."""


def hold(settings: Settings, *, stack: str) -> None:
    """Refuse settings of which the plan may cost more than its own limit; without a limit nothing is reckoned.

    Args:
        settings: what is planned.
        stack: its name, for the message.

    Raises:
        LabError: it may cost more, or a price is not known, so that the limit cannot be held.
    """
    if settings.azure.budget.max_per_hour:
        require_within(_estimate(settings, stack), _limit(settings), stack=stack)


def require_within(found: Estimate, limit: Decimal, *, stack: str) -> None:
    """Refuse an estimate above a limit.

    What counts is the most that the autoscaler may reach, and not what a lab begins with: between the two, nobody is
    asked again, so a limit on the beginning would limit nothing.

    Args:
        found: the estimate.
        limit: US dollars an hour; it may be reached.
        stack: its name, for the message.

    Raises:
        LabError: it is above, with the largest lines and what to do.
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


def _estimate(settings: Settings, stack: str) -> Estimate:
    meters = (item.meter for item in bill(settings) if item.meter)
    try:
        return retail.where_needed(lambda book: estimate(settings, book, stack=stack), meters)
    except UnknownPriceError as unknown:
        raise LabError(
            f"{SETTING} is {_limit(settings)}, and cannot be held: {unknown.message}",
            f"choose what has a known price, run it again where Azure's price list can be asked, or go on without "
            f"a limit: pulumi config rm --stack {stack} --path {SETTING}",
        ) from None


def _limit(settings: Settings) -> Decimal:
    return Decimal(str(settings.azure.budget.max_per_hour))
