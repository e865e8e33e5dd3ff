"""Asking delivery: at once when an order comes in, and again later for what it has not taken yet."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from common import trace
from order.storage import UnavailableError

if TYPE_CHECKING:
    from order.model import Kept
    from order.settings import Settings
    from order.storage import Storage

_log = logging.getLogger("deliveries")

_BATCH = 100
"""Pending orders that are looked at in one round."""

_CONNECTIONS = 100


class Deliveries:
    """The way to delivery.

    Args:
        settings: where it is, and how long to wait.
        storage: where it is noted what delivery has.
    """

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._settings = settings
        self._storage = storage
        self._client = httpx.AsyncClient(
            base_url=settings.delivery_url,
            timeout=settings.delivery_timeout,
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            trust_env=False,
        )

    async def request(self, order: Kept) -> bool:
        """Ask for the delivery of an order, and note it.

        Returns:
            Whether delivery has it now; it is asked again later otherwise.
        """
        document = {"orderId": order.id, "productId": order.product_id, "qty": order.qty}
        headers = dict(trace.CURRENT.get().headers)
        try:
            # httpx' own time-outs are for each step of an exchange, not for the whole of it.
            async with asyncio.timeout(self._settings.delivery_timeout):
                answer = await self._client.post("/deliveries", json=document, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            _log.warning("delivery does not answer for order %s: %s", order.id, type(error).__name__)
            return False
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            _log.warning("delivery answers %s for order %s", answer.status_code, order.id)
            return False
        _log.debug("delivery has order %s: %s", order.id, answer.text)
        try:
            await self._storage.requested(order.id)
        except UnavailableError:
            return False  # it will be asked again, and then say that it has it
        return True

    async def ask_again(self) -> None:
        """For ever: ask again for what is pending."""
        while True:
            await asyncio.sleep(self._settings.delivery_retry)
            with contextlib.suppress(UnavailableError):
                for order in await self._storage.pending(_BATCH):
                    if not await self.request(order):
                        break  # it is still away: the others would only wait for it too

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.aclose()
