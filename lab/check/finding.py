"""What a check found, and how far chance may be from what was expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE = 0.999
"""Of all runs on a solved lesson, this share passes; the others are chance."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Attributes:
        name: of the check.
        passed: whether the lesson is solved.
        expected: what the lesson says.
        found: what was there.
        hint: what to do when it is not solved.
    """

    name: str
    passed: bool
    expected: str
    found: str
    hint: str


def margin(share: float, requests: int) -> float:
    """How far a share of so many requests may be from the true one by chance, at the stated confidence.

    The normal approximation of the binomial distribution; exact for a share of 0 or 1.
    """
    deviations = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    return deviations * math.sqrt(share * (1 - share) / requests)


def counted(found: Mapping[str, int]) -> str:
    """Counts as people read them: `v1 80, v2 20`."""
    return ", ".join(f"{what} {count}" for what, count in sorted(found.items())) or "nothing"
