"""Pauses between questions to somebody who will say yes later, such as Azure after a role was granted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

PATIENCE = 600.0
"""Seconds; twice what Azure documents for a new role."""

SHORT = 180.0
"""Seconds for what is over soon, or never will be."""

_FIRST, _LONGEST = 3.0, 8.0
"""Seconds between two questions; 79 of them fit into `PATIENCE`, fewer than the engine's 100 tries of an error hook."""


def pause(refusals: int) -> float:
    """Seconds until the next question, after so many refusals."""
    return min(_FIRST + refusals - 1, _LONGEST)


@dataclass
class Wait:
    """A wait that began with the first refusal."""

    since: float = field(default_factory=lambda: time.monotonic())  # noqa: PLW0108 - tests have a clock of their own

    def goes_on(self, refusals: int, patience: float) -> bool:
        """Check that there is time for another question."""
        return time.monotonic() + pause(refusals) <= self.since + patience
