"""How long a container waits before it is started again, as a kubelet counts it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 60.0
"""Seconds."""

_STABLE = 10.0
"""Seconds after which an end is no failure to start."""

_LOOP = 3
"""Ends, one soon after the other, from which it is a loop."""


@dataclass(kw_only=True)
class BackOff:
    """Counts the ends of one container.

    Attributes:
        restarts: how often it has ended.
        failures: how often it has ended soon after its start, without a good one in between.
    """

    clock: Callable[[], float] = time.monotonic
    restarts: int = 0
    failures: int = 0
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def ended(self) -> float:
        """Count an end; return the seconds until it is to be started again: 1, 2, 4, at most 60."""
        self.restarts += 1
        self.failures = 1 if self.clock() - self._begun > _STABLE else self.failures + 1
        delay = min(_LONGEST, 2.0 ** min(self.failures - 1, 16))
        self._begun = self.clock() + delay
        return delay

    @property
    def loops(self) -> bool:
        """Whether it ends again and again."""
        return self.failures >= _LOOP
