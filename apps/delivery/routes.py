"""Delivery's own endpoints."""

from __future__ import annotations

import logging
from collections import OrderedDict
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response

from delivery.model import Delivery, DeliveryRequest, identity

if TYPE_CHECKING:
    import uuid

_log = logging.getLogger("deliveries")

_MOST = 10_000
"""Deliveries that are remembered; the oldest are forgotten, and would be the same when asked for again."""


def router(version: str) -> APIRouter:
    """The endpoints below `/deliveries`.

    Args:
        version: of this instance.
    """
    routes = APIRouter(prefix="/deliveries", tags=["deliveries"])
    known: OrderedDict[uuid.UUID, Delivery] = OrderedDict()

    @routes.get("")
    async def get_deliveries(
        limit: Annotated[int, Query(ge=1, le=100)] = 20, offset: Annotated[int, Query(ge=0, le=_MOST)] = 0
    ) -> list[Delivery]:
        """The deliveries that this instance has taken, the newest first."""
        return list(islice(reversed(known.values()), offset, offset + limit))

    @routes.post("", status_code=HTTPStatus.CREATED, responses={200: {"model": Delivery, "description": "As before."}})
    async def post_delivery(request: DeliveryRequest, response: Response) -> Delivery:
        """Take a delivery; an order has one, however often it is asked for."""
        _log.debug("asked to bring %s of %s for order %s", request.qty, request.product_id, request.order_id)
        number = identity(request.order_id)
        if former := known.get(number):
            response.status_code = HTTPStatus.OK
            return former
        taken = Delivery(
            id=number, order_id=request.order_id, product_id=request.product_id, qty=request.qty, version=version
        )
        known[number] = taken
        if len(known) > _MOST:
            known.popitem(last=False)
        _log.info("delivery %s of order %s is on its way", number, request.order_id)
        return taken

    return routes
