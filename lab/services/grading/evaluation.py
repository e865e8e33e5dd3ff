"""Samples of the versions that answer: what chance explains, and what it does not.

Of all samples on a solved lesson one in a thousand lies outside the margins. It is not believed alone: a second, larger
one decides, so a solved lesson fails once in a million. What lies far outside, or has a version that should not answer
at all, needs no second one.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

CONFIDENCE = 0.999
"""Of all samples of the right shares, this part lies within the margins; the others are chance."""

RETRY_FACTOR = 4
"""How many times larger the second sample is: its margins are half as wide, so what is wrong does not pass by it."""

CLEAR_MARGIN = 2
"""Margins: of ten thousand million samples of the right shares not one lies further away."""


def margin(share: float, requests: int) -> float:
    """How far a share of so many requests may be from the true one by chance, at the stated confidence.

    The normal approximation of the binomial distribution; exact for a share of 0 or 1.
    """
    deviations = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    return deviations * math.sqrt(share * (1 - share) / requests)


def fits(found: Counter[str], shares: Mapping[str, int]) -> bool:
    """Whether a sample is one of these shares, in per cent; who has none must not answer."""
    return _within(found, shares, 1)


def inconclusive(found: Counter[str], shares: Mapping[str, int]) -> bool:
    """Whether a sample does not fit, but is so near that a larger one has to decide."""
    return not fits(found, shares) and _within(found, shares, CLEAR_MARGIN)


def _within(found: Counter[str], shares: Mapping[str, int], margins: float) -> bool:
    requests = found.total()
    return set(found) <= set(shares) and all(
        abs(found[version] / requests - share / 100) <= margins * margin(share / 100, requests)
        for version, share in shares.items()
    )
