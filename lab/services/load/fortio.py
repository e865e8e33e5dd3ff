"""Load from this machine: the generator in `toolchain/fortio`, and what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pydantic

from lab.core.errors import LabError
from lab.services.load import generator
from lab.services.load.report import Latency, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from lab.services.load.destination import Destination
    from lab.services.load.meter import Meter
    from lab.services.load.plan import Plan

TIMEOUT = 30
"""Seconds that an answer may take, as with siege."""

_Count = Annotated[int, pydantic.Field(ge=0)]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Beat(_Strict):
    """How far it is.

    Attributes:
        seconds: since it began.
        requests: made.
        unanswered: those of them without an answer.
        failed: answered with a status of 500 and more.
    """

    seconds: float
    requests: _Count
    unanswered: _Count
    failed: _Count


class _Latency(_Strict):
    p50: float
    p90: float
    p99: float
    max: float


class _Result(_Strict):
    seconds: float
    requests: _Count
    unanswered: _Count
    codes: dict[int, _Count]
    versions: dict[str, _Count]
    latency: _Latency | None
    problem: str

    def outcome(self) -> Outcome:
        return Outcome(
            seconds=self.seconds,
            requests=self.requests,
            unanswered=self.unanswered,
            codes=self.codes,
            latency=Latency(**self.latency.model_dump()) if self.latency else None,
            versions=self.versions,
            problem=self.problem,
        )


class _Line(_Strict):
    beat: Beat | None = None
    result: _Result | None = None


def read(line: str) -> Beat | Outcome | None:
    """What one line of the generator says; nothing when it is none of its own.

    Args:
        line: one JSON object.
    """
    try:
        found = _Line.model_validate_json(line)
    except pydantic.ValidationError:
        return None
    return found.result.outcome() if found.result else found.beat


def command(program: Path, destination: Destination, plan: Plan) -> list[str]:
    """How the generator is called.

    Args:
        program: its file.
        destination: where the requests really go.
        plan: what is asked for.
    """
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
    """Make the load.

    Args:
        program: the generator's file.
        destination: where the requests go.
        plan: what is asked for.
        meter: told how far it is.

    Returns:
        What was found, and whether the user ended it.

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
        environment={},  # no proxy of the user's: what is loaded is never beyond one
        take=take,
        tick=meter.show,
        limit=plan.seconds + TIMEOUT + 10,
    )
    if not outcomes:
        raise LabError(f"the load generator {program} ended with {ended.code}: {' '.join(ended.messages[-3:])}")
    return outcomes[-1], ended.interrupted
