"""What a running application can be told: to be down, to be slow, to fail; and that its end has begun."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(kw_only=True)
class State:
    """Of one process, changed at run time.

    Attributes:
        delay: seconds that every answer is late.
        failure_rate: share of requests that fail, 0 to 1.
        fail_next: how many requests fail from now on, whatever the share is.
        down: whether it says that it is, and answers no request.
        draining: whether its end has begun: it answers, but wants no new connections.
    """

    delay: float = 0.0
    failure_rate: float = 0.0
    fail_next: int = 0
    down: bool = False
    draining: bool = False

    def fails(self) -> bool:
        """Whether the request that is being answered is one of those that fail."""
        if self.fail_next:
            self.fail_next -= 1
            return True
        return random.random() < self.failure_rate  # noqa: S311 - chance, not secrecy
