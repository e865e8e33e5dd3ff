"""Starts order: settings, storage, the way to delivery, endpoints, server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from common import application, environment, server
from common.actuator import Actuated
from common.metrics import Metrics
from common.state import State
from order import settings as order_settings
from order.deliveries import Deliveries
from order.routes import router
from order.storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from order.settings import Settings


def make(settings: Settings, state: State) -> FastAPI:
    """Put order together.

    Args:
        settings: what it was told at its start.
        state: what it is told since.
    """
    storage = Storage(settings.database)
    deliveries = Deliveries(settings, storage)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        again = asyncio.create_task(deliveries.ask_again()) if settings.delivery_retry else None
        yield
        if again:
            again.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await again
        await deliveries.close()
        storage.close()

    about = Actuated(app="order", common=settings.common, state=state, metrics=Metrics(), ready=storage.answers)
    return application.make(about, router(storage, deliveries), lifespan)


def main() -> None:
    """Run until told to end."""
    settings = environment.read(order_settings.read)
    state = State(delay=settings.common.delay, failure_rate=settings.common.failure_rate)
    server.run(make(settings, state), settings.common, state)


if __name__ == "__main__":
    main()
