"""Results of checks, and samples of versions that tell chance from a wrong share.

One in a thousand samples of a solved lesson lies outside the margins. A second, larger sample then decides, so a solved
lesson fails once in a million. What lies far outside, or has a version without a share, needs no second sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

CONFIDENCE = 0.999
"""Part of all samples of the right shares that lies within the margins."""

RETRY_FACTOR = 4
"""Size of the second sample in first ones: its margins are half as wide."""

CLEAR_MARGIN = 2
"""Margins beyond which no second sample is needed: not one in 10 ** 10 samples of the right shares lies there."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """Result of a check: whether the lesson is solved, and what to do if not."""

    passed: bool
    expected: str
    found: str
    hint: str


def counted(found: Mapping[str, int]) -> str:
    """Counts as text: `v1 80, v2 20`."""
    return ", ".join(f"{what} {count}" for what, count in sorted(found.items())) or "nothing"


def margin(share: float, requests: int) -> float:
    """Largest deviation of a share by chance: the binomial distribution's normal approximation."""
    deviations = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    return deviations * math.sqrt(share * (1 - share) / requests)


def fits(found: Counter[str], shares: Mapping[str, int]) -> bool:
    """Whether a sample has these shares in per cent; a version without a share must not answer."""
    return _within(found, shares, 1)


def inconclusive(found: Counter[str], shares: Mapping[str, int]) -> bool:
    """Whether a sample does not fit, but is near enough for a larger one to decide."""
    return not fits(found, shares) and _within(found, shares, CLEAR_MARGIN)


def _within(found: Counter[str], shares: Mapping[str, int], margins: float) -> bool:
    requests = found.total()
    return set(found) <= set(shares) and all(
        abs(found[version] / requests - share / 100) <= margins * margin(share / 100, requests)
        for version, share in shares.items()
    )
