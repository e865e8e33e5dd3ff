"""The endpoints for operators and exercises: health, who answers, down and up, faults, metrics."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from common import metrics
from common.whole import WHOLE

if TYPE_CHECKING:
    from common.environment import Common
    from common.metrics import Metrics
    from common.state import State

Ready = Callable[[], Awaitable[bool]]
"""Whether everything is there that an answer needs."""


class Health(BaseModel):
    """Whether it is well."""

    status: Literal["UP", "DOWN"]


class Echo(BaseModel):
    """Who answers."""

    model_config = ConfigDict(populate_by_name=True)

    app: str
    host_name: Annotated[str, Field(alias="hostName")]
    address: str
    version: str
    colour: str


class Faults(BaseModel):
    """What goes wrong on request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    delay_seconds: Annotated[float, Field(alias="delaySeconds", ge=0, le=600, allow_inf_nan=False)] = 0
    failure_rate: Annotated[float, Field(alias="failureRate", ge=0, le=1, allow_inf_nan=False)] = 0
    fail_next: Annotated[int, Field(alias="failNext", ge=0, le=1_000_000, strict=True), WHOLE] = 0


@dataclass(frozen=True, kw_only=True)
class Actuated:
    """What the endpoints are about.

    Attributes:
        app: the application's name.
        common: what it was told at its start.
        state: what it was told since, and is told here.
        metrics: what it has counted.
        ready: whether everything is there that an answer needs.
    """

    app: str
    common: Common
    state: State
    metrics: Metrics
    ready: Ready


def router(about: Actuated) -> APIRouter:  # noqa: C901 - one small function an endpoint
    """The endpoints below `/actuator`."""
    routes = APIRouter(prefix="/actuator", tags=["actuator"])
    state = about.state
    down: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "It is not well."}}

    def health(*, well: bool) -> Response:
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        content = Health(status="UP" if well else "DOWN").model_dump_json()
        return Response(content, status, media_type="application/json")

    @routes.get("/health", response_model=Health, responses=down)
    async def get_health() -> Response:
        return health(well=not state.down and await about.ready())

    @routes.get("/health/liveness", response_model=Health, responses=down)
    async def get_liveness() -> Response:
        return health(well=not state.down)

    @routes.get("/health/readiness", response_model=Health, responses=down)
    async def get_readiness() -> Response:
        return health(well=not (state.down or state.draining) and await about.ready())

    @routes.get("/echo")
    async def echo() -> Echo:
        return Echo(
            app=about.app,
            host_name=socket.gethostname(),
            address=own_address(about.common.host),
            version=about.common.version,
            colour=about.common.colour,
        )

    @routes.put("/down")
    async def put_down() -> Health:
        state.down = True
        return Health(status="DOWN")

    @routes.put("/up")
    async def put_up() -> Health:
        state.down = False
        return Health(status="UP")

    @routes.get("/faults")
    async def get_faults() -> Faults:
        return Faults(delay_seconds=state.delay, failure_rate=state.failure_rate, fail_next=state.fail_next)

    @routes.put("/faults")
    async def put_faults(faults: Faults) -> Faults:
        state.delay = faults.delay_seconds
        state.failure_rate = faults.failure_rate
        state.fail_next = faults.fail_next
        return faults

    @routes.get("/prometheus", response_class=Response)
    async def prometheus() -> Response:
        return Response(about.metrics.text(), headers={"content-type": metrics.CONTENT_TYPE})

    return routes


def own_address(host: str) -> str:
    """The address that it listens on; in a Pod, which listens on all, the Pod's own.

    Args:
        host: as it was told.
    """
    if host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        return host
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"
