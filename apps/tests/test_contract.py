"""Whatever their OpenAPI documents promise, the applications keep: hundreds of requests that try to break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from apps.tests.running import Running, running
from common.state import State
from delivery.__main__ import make as make_delivery
from delivery.__main__ import read as read_delivery
from order.__main__ import make as make_order
from order.settings import read as read_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

BOUNDS = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
NOT_HERE = "/actuator/(down|faults)"
"""What is told to these is the next request's business too; they have tests of their own."""


def promised_by(app: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(app.openapi()).exclude(path_regex=NOT_HERE)


order_contract = promised_by(make_order(read_order({}), State()))
delivery_contract = promised_by(make_delivery(read_delivery({}), State()))


@pytest.fixture(scope="module")
def order() -> Iterator[Running]:
    # Nobody listens there: an order is kept all the same.
    with running("order", DELIVERY_URL="http://127.0.0.1:9", DELIVERY_RETRY="0") as process:
        yield process


@pytest.fixture(scope="module")
def delivery() -> Iterator[Running]:
    with running("delivery") as process:
        yield process


@order_contract.parametrize()
@BOUNDS
def test_order_keeps_what_its_contract_says(case: schemathesis.Case, order: Running) -> None:
    case.call_and_validate(base_url=order.url)


@delivery_contract.parametrize()
@BOUNDS
def test_delivery_keeps_what_its_contract_says(case: schemathesis.Case, delivery: Running) -> None:
    case.call_and_validate(base_url=delivery.url)


def test_the_contract_is_the_one_that_is_served(order: Running, delivery: Running) -> None:
    for process, contract in ((order, order_contract), (delivery, delivery_contract)):
        assert httpx.get(f"{process.url}/openapi.json", trust_env=False).json() == contract.raw_schema
