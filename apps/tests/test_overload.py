"""More requests at once than an application can take: it says so, goes on answering, and loses nothing it took."""

from __future__ import annotations

import asyncio
import concurrent.futures
import http.client
import json
import math
import resource
import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import pytest

from apps.tests.running import ORDER, port_of, running, shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.tests.running import Running

_LONGEST = 90.0
"""Seconds for all answers of one wave."""

_SETTLED = 60.0
"""Seconds after a load until everything is delivered."""


class Answered(NamedTuple):
    """An answer to one POST."""

    status: int
    headers: dict[str, str]
    body: bytes


async def _post(port: int, start: asyncio.Event) -> Answered:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await start.wait()
        body = json.dumps(ORDER).encode()
        head = f"POST /orders HTTP/1.1\r\nhost: order\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    first, _, rest = answer.partition(b"\r\n")
    lines, _, body = rest.partition(b"\r\n\r\n")
    headers = dict(line.decode().lower().split(": ", 1) for line in lines.split(b"\r\n"))
    return Answered(int(first.split()[1]), headers, body)


def post_at_once(order: Running, many: int) -> list[Answered]:
    """Open many connections, then send an order on each of them at the same moment."""

    async def wave() -> list[Answered]:
        start = asyncio.Event()
        async with asyncio.timeout(_LONGEST):
            posts = [asyncio.create_task(_post(port_of(order.url), start)) for _ in range(many)]
            await asyncio.sleep(0)
            start.set()
            return await asyncio.gather(*posts)

    return asyncio.run(wave())


@contextmanager
def liveness_watched(*processes: Running) -> Iterator[list[float]]:
    """How many seconds each answer of the liveness endpoints takes while a block lasts."""
    seconds: list[float] = []
    ended = threading.Event()

    def watch(process: Running) -> None:
        while not ended.wait(0.05):
            begun = time.monotonic()
            # As kubelet does: a connection of its own each time.
            connection = http.client.HTTPConnection("127.0.0.1", port_of(process.url), timeout=_LONGEST)
            try:
                connection.request("GET", "/actuator/health/liveness")
                well = connection.getresponse().status == HTTPStatus.OK
            except OSError:
                well = False
            finally:
                connection.close()
            seconds.append(time.monotonic() - begun if well else math.inf)

    watchers = [threading.Thread(target=watch, args=(process,)) for process in processes]
    for each in watchers:
        each.start()
    try:
        yield seconds
    finally:
        ended.set()
        for each in watchers:
            each.join()


def settled(order: Running) -> list[int]:
    """The numbers of all orders, as soon as none of them is pending."""
    deadline = time.monotonic() + _SETTLED
    found: list[int] = []
    while page := order.client.get("/orders", params={"limit": 100, "offset": len(found)}).json():
        if any(each["delivery"] == "PENDING" for each in page):
            assert time.monotonic() < deadline, f"{len(found)} are delivered, and others are still pending"
            time.sleep(0.5)
        else:
            found += [each["id"] for each in page]
    return sorted(found)


def delivered(delivery: Running) -> list[int]:
    found: list[int] = []
    while page := delivery.client.get("/deliveries", params={"limit": 100, "offset": len(found)}).json():
        found += [each["orderId"] for each in page]
    return sorted(found)


@pytest.fixture
def sockets() -> Iterator[None]:
    """Enough open files for both ends: the applications inherit the limit."""
    needed = 4_500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"this machine allows {hard} open files, and {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("sockets")
def test_two_thousand_at_once_are_taken_or_refused_and_liveness_always_answers() -> None:
    with shop(DELIVERY_RETRY="10") as (order, delivery):
        with liveness_watched(order, delivery) as seconds:
            answers = post_at_once(order, 2_000)
            numbers = settled(order)
        taken = sorted(json.loads(each.body)["id"] for each in answers if each.status == HTTPStatus.CREATED)
        refused = [each for each in answers if each.status != HTTPStatus.CREATED]

        assert {each.status for each in refused} <= {503}
        assert {each.headers["content-type"] for each in refused} <= {"application/problem+json"}
        assert all(int(each.headers["retry-after"]) > 0 for each in refused)
        assert len(taken) >= 512
        assert numbers == taken == delivered(delivery)
        assert max(seconds) < 1


@pytest.mark.usefixtures("sockets")
def test_no_order_stays_pending_after_five_hundred_at_once_three_times_in_a_row(database: dict[str, str]) -> None:
    with shop(DELIVERY_RETRY="10", **database) as (order, delivery):
        answers = [answer for _ in range(3) for answer in post_at_once(order, 500)]
        numbers = settled(order)
        taken = {json.loads(each.body)["id"] for each in answers if each.status == HTTPStatus.CREATED}

        # Fewer than the bound: only a database that is too slow may refuse some.
        assert {each.status for each in answers} <= ({201, 503} if database else {201})
        assert taken <= set(numbers)
        assert numbers == delivered(delivery)


def test_what_is_too_much_is_refused_until_there_is_room_again_and_the_actuator_answers_meanwhile() -> None:
    with running("delivery", MAX_REQUESTS="2", FAULT_DELAY="1") as process:
        with concurrent.futures.ThreadPoolExecutor(5) as threads:
            waves = list(threads.map(lambda _: process.client.get("/deliveries"), range(5)))
            health = process.client.get("/actuator/health")
        refused = [answer for answer in waves if answer.status_code != 200]

        assert [answer.status_code for answer in refused] == [503] * 3
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert refused[0].json()["detail"] == "2 requests are in work: try again later"
        assert {answer.headers["x-app-version"] for answer in refused} == {"v1"}
        assert 'count{method="GET",status="503",uri="unknown"} 3.0' in process.client.get("/actuator/prometheus").text
        assert health.status_code == 200
        assert process.client.get("/deliveries").status_code == 200


def test_pending_orders_are_delivered_in_the_end_though_most_calls_fail() -> None:
    with shop(DELIVERY_RETRY="0.2", DELIVERY_TIMEOUT="1") as (order, delivery):
        delivery.client.put("/actuator/faults", json={"failureRate": 1})
        assert {each.status for each in post_at_once(order, 100)} == {201}
        delivery.client.put("/actuator/faults", json={"failureRate": 0.7})

        numbers = settled(order)
        delivery.client.put("/actuator/faults", json={})

        assert numbers == delivered(delivery)
