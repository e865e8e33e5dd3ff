"""Asking delivery: at once when an order comes in, and again later for what it has not taken yet."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
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

_CALLS = 100
"""Calls to delivery at once."""

_WAITING = 256
"""Calls that wait for one of those to end; an order beyond them is asked for later."""

_BATCH = 1000
"""Pending orders that are read at once."""

_AGAIN = 10
"""Pending orders that are asked for at once."""


class Deliveries:
    """The way to delivery.

    Args:
        settings: where it is, and how long to wait.
        storage: where it is noted what delivery has.
    """

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._settings = settings
        self._storage = storage
        # DELIVERY_URL is never https: without one of its own, a client reads all of the machine's certificates.
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = self._connect()
        self._calls = asyncio.Semaphore(_CALLS)
        self._open = 0

    async def request(self, order: Kept) -> bool:
        """Ask for the delivery of an order, and note it.

        Returns:
            Whether delivery has it now; it is asked again later otherwise.
        """
        if self._open >= _CALLS + _WAITING:
            _log.debug("%s calls to delivery are open: order %s is asked for later", self._open, order.id)
            return False
        self._open += 1
        try:
            return await self._ask(self._client, self._calls, order)
        finally:
            self._open -= 1

    async def ask_again(self) -> None:
        """For ever: ask again for what is pending."""
        while True:
            await asyncio.sleep(self._settings.delivery_retry)
            try:
                while await self._ask_for_pending():
                    pass
            except UnavailableError:
                pass  # storage has said so
            except Exception:  # noqa: BLE001 - whatever it was: the next round comes
                _log.exception("pending orders could not be asked for")

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.aclose()

    async def _ask_for_pending(self) -> bool:
        """Ask for the oldest pending orders, until delivery is found to be away.

        Returns:
            Whether there may be more that it would take now.
        """
        orders = await self._storage.pending(_BATCH)
        # Whatever delivery will never take must not be what is always tried first.
        random.shuffle(orders)
        # Connections of its own: what went wrong with others is no concern of a new round.
        async with self._connect() as client:
            calls = asyncio.Semaphore(_AGAIN)
            for first in range(0, len(orders), _AGAIN):
                some = orders[first : first + _AGAIN]
                if not any(await asyncio.gather(*(self._ask(client, calls, order) for order in some))):
                    return False  # it is away: the others would only wait for it too
        return len(orders) == _BATCH

    async def _ask(self, client: httpx.AsyncClient, calls: asyncio.Semaphore, order: Kept) -> bool:
        document = {"orderId": order.id, "productId": order.product_id, "qty": order.qty}
        headers = dict(trace.CURRENT.get().headers)
        try:
            # httpx' own time-outs are for each step of an exchange, not for the whole of it.
            async with asyncio.timeout(self._settings.delivery_timeout), calls:
                answer = await client.post("/deliveries", json=document, headers=headers)
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

    def _connect(self) -> httpx.AsyncClient:
        """A client that never lets a call wait for a connection.

        Waiting calls cost it quadratic time, and one that is cancelled while it waits takes a connection with it.
        """
        return httpx.AsyncClient(
            base_url=self._settings.delivery_url,
            timeout=self._settings.delivery_timeout,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_CALLS),
            trust_env=False,
            verify=self._tls,
        )
