"""Starts delivery: settings, endpoints, server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from common import application, environment, server
from common.actuator import Actuated
from common.metrics import Metrics
from common.state import State
from delivery.routes import router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import FastAPI

    from common.environment import Common


def make(common: Common, state: State) -> FastAPI:
    """Put delivery together.

    Args:
        common: what it was told at its start.
        state: what it is told since.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    async def ready() -> bool:
        return True  # it needs nothing but itself

    about = Actuated(app="delivery", common=common, state=state, metrics=Metrics(), ready=ready)
    return application.make(about, router(common.version), lifespan)


def read(variables: Mapping[str, str]) -> Common:
    """Check the environment.

    Raises:
        WrongSettingError: a variable has a value that is not allowed.
    """
    return environment.common("delivery", variables)


def main() -> None:
    """Run until told to end."""
    common = environment.read(read)
    state = State(delay=common.delay, failure_rate=common.failure_rate)
    server.run(make(common, state), common, state)


if __name__ == "__main__":
    main()
