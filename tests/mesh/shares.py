"""The share that each version gets of many requests, and the part that chance has in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

SURE = 3.2905
"""Standard deviations: 99.9 % of all samples lie within."""

_SURELY_NOT = 2 * SURE
"""Standard deviations: no sample lies outside by chance."""

_AGAIN = 4
"""How many times larger the sample is that decides over one that may be chance."""


def assert_shares(ask: Callable[[int], Counter[str]], requests: int, weights: Mapping[str, int]) -> None:
    """Each version answers as often as its weight says, in per cent, within the interval of 99.9 %.

    One sample in a thousand lies outside though all is well, and each run of these tests draws several. One that is
    near has to be outside in a larger one, too, with an interval half as wide; one that is far off fails at once.
    """
    answered = ask(requests)
    if _furthest(answered, weights) > SURE:
        assert _furthest(answered, weights) <= _SURELY_NOT, (answered, weights)
        answered = ask(_AGAIN * requests)
    assert _furthest(answered, weights) <= SURE, (answered, weights)


def _furthest(answered: Counter[str], weights: Mapping[str, int]) -> float:
    """Standard deviations that the worst of the versions is away from its weight."""
    assert set(answered) == {version for version, weight in weights.items() if weight}
    of = answered.total()
    deviations = {version: math.sqrt(of * weight / 100 * (1 - weight / 100)) for version, weight in weights.items()}
    return max(
        (
            abs(answered[each] - of * weights[each] / 100) / deviation
            for each, deviation in deviations.items()
            if deviation
        ),
        default=0.0,
    )
