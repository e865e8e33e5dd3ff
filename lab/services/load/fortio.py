"""Load from this machine by the generator in `toolchain/fortio`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

from lab.core.errors import LabError
from lab.services.load import generator
from lab.services.load.report import Count, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.load.plan import Destination, Plan
    from lab.services.load.report import Meter

TIMEOUT = 30
"""Seconds for one answer, as with siege."""


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Counts since the beginning; `failed` are answers outside 2xx and 3xx."""

    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")

    seconds: float
    requests: Count
    unanswered: Count
    failed: Count


@dataclass(frozen=True, kw_only=True)
class _Line:
    __pydantic_config__ = pydantic.ConfigDict(extra="forbid")

    beat: Beat | None = None
    result: Outcome | None = None


def read(line: str) -> Beat | Outcome | None:
    """Read one line of JSON; none when it is not the generator's."""
    try:
        found = pydantic.TypeAdapter(_Line).validate_json(line)
    except pydantic.ValidationError:
        return None
    return found.result or found.beat


def command(program: Path, destination: Destination, plan: Plan) -> list[str]:
    """Build the generator's command line."""
    return [
        *destination.inside,
        str(program),
        f"-users={plan.users}",
        f"-duration={plan.seconds}s",
        f"-timeout={TIMEOUT}s",
        "-supervised",
        *([f"-post={plan.body}"] if plan.body else []),
        f"{destination.base}{plan.target}",
    ]


def run(program: Path, destination: Destination, plan: Plan, meter: Meter) -> tuple[Outcome, bool]:
    """Run the generator.

    Returns:
        Its result, and whether the user ended it early.

    Raises:
        LabError: it ended without a result.
    """
    outcomes: list[Outcome] = []

    def take(line: str) -> None:
        found = read(line)
        if isinstance(found, Outcome):
            outcomes.append(found)
        elif found:
            meter.set(requests=found.requests, unanswered=found.unanswered, failed=found.failed)

    ended = generator.follow(
        command(program, destination, plan),
        take=take,
        tick=meter.show,
        limit=plan.seconds + TIMEOUT + 10,
    )
    if not outcomes:
        raise LabError(f"the load generator {program} ended with {ended.code}: {' '.join(ended.messages[-3:])}")
    return outcomes[-1], ended.interrupted
