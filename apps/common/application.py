"""An application, put together: its own routes, the actuator, problem documents, and the edge around all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from common import actuator, problems
from common.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from common.actuator import Actuated

Lifespan = "Callable[[FastAPI], AbstractAsyncContextManager[None]]"


class Greeting(BaseModel):
    """What an application says of itself."""

    app: str
    version: str
    colour: str


def make(
    about: Actuated, business: APIRouter, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]
) -> FastAPI:
    """Put an application together.

    Args:
        about: what it is and how it is.
        business: its own routes.
        lifespan: what is held open while it runs.
    """
    app = FastAPI(
        title=about.app,
        version=about.common.version,
        lifespan=lifespan,
        responses=problems.RESPONSES,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    greeting = Greeting(app=about.app, version=about.common.version, colour=about.common.colour)

    @app.get("/")
    async def greet() -> Greeting:
        return greeting

    app.include_router(business)
    app.include_router(actuator.router(about))
    app.add_middleware(Edge, common=about.common, state=about.state, metrics=about.metrics)
    return app
