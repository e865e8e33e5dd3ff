"""Order's own endpoints."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from common import trace
from common.problems import ProblemError
from order.model import Delivery, Order, OrderRequest

if TYPE_CHECKING:
    from order.deliveries import Deliveries
    from order.storage import Storage

_log = logging.getLogger("orders")

_LONGEST_KEY = 200


def router(storage: Storage, deliveries: Deliveries) -> APIRouter:
    """The endpoints below `/orders`."""
    routes = APIRouter(prefix="/orders", tags=["orders"])

    @routes.get("", response_model=list[Order])
    async def get_orders(
        limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0, le=2**31)] = 0
    ) -> Response:
        """The orders, the newest first."""
        found = await storage.page(limit, offset)
        return _answer([each.answer() for each in found])

    @routes.get("/{order_id}", response_model=Order, responses={404: {"description": "There is no such order."}})
    async def get_order(order_id: Annotated[int, Path(ge=1, le=2**53 - 1)]) -> Response:
        """One order."""
        found = await storage.get(order_id)
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no order {order_id}")
        return _answer(found.answer())

    @routes.post("", status_code=HTTPStatus.CREATED, response_model=Order)
    async def post_order(
        request: OrderRequest,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=_LONGEST_KEY)] = None,
    ) -> Response:
        """Keep an order, then ask delivery; the same request again gives the same order again."""
        _log.debug("asked for %s of %s", request.qty, request.product_id)
        # Proxies send the same id when they try a request again that may have been answered.
        key = idempotency_key or trace.CURRENT.get().request_id or None
        order, new = await storage.add(request.product_id, request.qty, key)
        if (order.product_id, order.qty) != (request.product_id, request.qty):
            raise ProblemError(HTTPStatus.CONFLICT, f"the same key was sent before, for another order: {order.id}")
        if order.delivery == Delivery.PENDING and await deliveries.request(order):
            order = order._replace(delivery=Delivery.REQUESTED)
        if new:
            _log.info("order %s is kept, its delivery is %s", order.id, order.delivery)
        return _answer(order.answer(), HTTPStatus.CREATED, {"location": f"/orders/{order.id}"})

    return routes


def _answer(content: object, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    """An answer that comes from the database, and so needs no second check."""
    return Response(json.dumps(content), status, headers, "application/json")
