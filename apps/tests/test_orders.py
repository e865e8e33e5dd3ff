"""Orders: kept once each, delivered in the end, whatever happens to delivery, to the database, or to the client."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from apps.tests import mariadb
from apps.tests.running import ORDER, port_of, running, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apps.tests.running import Running

MANY = 200


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Running, Running]]:
    """Order in memory and its delivery, for tests that leave them as they were."""
    with shop(ORDER_LOG_LEVEL="DEBUG", DELIVERY_TIMEOUT="1") as found:
        yield found


@contextlib.contextmanager
def told(process: Running, **faults: object) -> Iterator[None]:
    """A process that is slow or fails while a block lasts."""
    try:
        assert process.client.put("/actuator/faults", json=faults).status_code == 200
        yield
    finally:
        process.client.put("/actuator/faults", json={})


def kept(order: Running) -> list[dict[str, Any]]:
    """All orders, the newest first."""
    found: list[dict[str, Any]] = []
    while page := order.client.get("/orders", params={"limit": 100, "offset": len(found)}).json():
        found += page
    return found


# --- keeping orders ---


def test_an_order_is_kept_and_its_delivery_asked_for(database: dict[str, str]) -> None:
    with shop(**database) as (order, delivery):
        answer = order.client.post("/orders", json=ORDER)
        number = answer.json()["id"]

        assert answer.status_code == 201
        assert answer.headers["location"] == f"/orders/{number}"
        assert answer.json() == {
            **ORDER,
            "id": number,
            "delivery": "REQUESTED",
            "createdAt": answer.json()["createdAt"],
        }
        assert order.client.get(f"/orders/{number}").json() == answer.json()
        assert [each["orderId"] for each in delivery.client.get("/deliveries").json()] == [number]
        assert order.client.get(f"/orders/{number + 1}").status_code == 404


def test_two_hundred_at_once_lose_nothing_and_duplicate_nothing(database: dict[str, str]) -> None:
    def post(number: int) -> tuple[int, int]:
        # Each is sent twice, as a proxy does that has not heard the answer.
        headers = {"content-type": "application/json", "x-request-id": f"{order.url}-{number}"}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port_of(order.url), timeout=20)) as connection:
            for _ in range(2):
                connection.request("POST", "/orders", json.dumps({**ORDER, "qty": number + 1}), headers)
                answer = connection.getresponse()
                found = answer.status, json.loads(answer.read()).get("id")
            return found

    with shop(**database) as (order, delivery), concurrent.futures.ThreadPoolExecutor(MANY) as threads:
        before = len(kept(order))
        answers = list(threads.map(post, range(MANY)))
        found = kept(order)[: len(kept(order)) - before]
        delivered = [
            each["orderId"]
            for offset in range(0, MANY + 100, 100)
            for each in delivery.client.get("/deliveries", params={"limit": 100, "offset": offset}).json()
        ]

    numbers = sorted(number for _, number in answers)
    assert {status for status, _ in answers} == {201}
    assert sorted(each["qty"] for each in found) == list(range(1, MANY + 1))
    assert numbers == sorted(each["id"] for each in found) == sorted(delivered)


def test_the_same_key_gives_the_same_order_and_never_another(pair: tuple[Running, Running]) -> None:
    order, _ = pair
    headers = {"idempotency-key": "once"}
    first, again = (order.client.post("/orders", json=ORDER, headers=headers) for _ in range(2))
    other = order.client.post("/orders", json={**ORDER, "qty": 6}, headers=headers)

    assert first.json() == again.json()
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"not json", 400),
        (b"[]", 422),
        (b'{"productId":"1001"}', 422),
        (b'{"productId":"1001","qty":0}', 422),
        (b'{"productId":"1001","qty":1001}', 422),
        (b'{"productId":"1001","qty":"5"}', 422),
        (b'{"productId":"1001","qty":5.5}', 422),
        (b'{"productId":"1001","qty":NaN}', 422),
        (b'{"productId":1001,"qty":5}', 422),
        (b'{"productId":"","qty":5}', 422),
        (b'{"productId":"a b","qty":5}', 422),
        (b'{"productId":"' + b"1" * 65 + b'","qty":5}', 422),
        (b'{"productId":"1001","qty":5,"price":1}', 422),
        (b'{"productId":"\xff","qty":5}', 400),
        (b"[" * 10_000, 400),
        (b" " * 70_000, 413),
    ],
)
def test_a_bad_body_is_answered_with_a_problem_and_nothing_is_kept(
    pair: tuple[Running, Running], body: bytes, status: int
) -> None:
    order, _ = pair
    before = len(kept(order))

    answer = order.client.post("/orders", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    assert len(kept(order)) == before


# --- delivery is slow, down, failing, flapping ---


def test_an_order_is_kept_when_delivery_is_slow_and_nobody_waits_longer_than_the_time_out(
    pair: tuple[Running, Running],
) -> None:
    order, delivery = pair
    with told(delivery, delaySeconds=5):
        begun = time.monotonic()
        answer = order.client.post("/orders", json=ORDER)

    assert (answer.status_code, answer.json()["delivery"]) == (201, "PENDING")
    assert 0.9 < time.monotonic() - begun < 2.5


@pytest.mark.parametrize("how", ["down", "failing", "away"])
def test_an_order_is_kept_when_delivery_does_not_take_it(how: str) -> None:
    with shop() as (order, delivery):
        if how == "down":
            delivery.client.put("/actuator/down")
        elif how == "failing":
            delivery.client.put("/actuator/faults", json={"failureRate": 1})
        else:
            delivery.end()
        answer = order.client.post("/orders", json=ORDER)

        assert (answer.status_code, answer.json()["delivery"]) == (201, "PENDING")


def test_every_order_is_delivered_once_in_the_end_when_delivery_flaps() -> None:
    with shop(DELIVERY_RETRY="0.2") as (order, delivery):
        delivery.client.put("/actuator/faults", json={"failureRate": 0.5})
        numbers = [order.client.post("/orders", json=ORDER).json()["id"] for _ in range(30)]
        pending = [each["id"] for each in kept(order) if each["delivery"] == "PENDING"]
        delivery.client.put("/actuator/faults", json={})
        deadline = time.monotonic() + 10
        while any(each["delivery"] == "PENDING" for each in kept(order)) and time.monotonic() < deadline:
            time.sleep(0.1)
        delivered = [each["orderId"] for each in delivery.client.get("/deliveries", params={"limit": 100}).json()]

        assert 0 < len(pending) < 30, "half of them failed"
        assert {each["delivery"] for each in kept(order)} == {"REQUESTED"}
        assert sorted(delivered) == sorted(numbers)


def test_a_delivery_is_the_same_on_every_instance_however_often_it_is_asked_for() -> None:
    wanted = {"orderId": 7, **ORDER}
    with running("delivery") as one, running("delivery", APP_VERSION="v2") as other:
        first, again = (one.client.post("/deliveries", json=wanted) for _ in range(2))
        elsewhere = other.client.post("/deliveries", json=wanted)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["id"] == elsewhere.json()["id"]


# --- clients that are slow or greedy ---


def test_a_client_that_dribbles_its_request_is_cut_off_and_holds_up_nobody(pair: tuple[Running, Running]) -> None:
    order, _ = pair
    head = b"POST /orders HTTP/1.1\r\nHost: order\r\nContent-Type: application/json\r\nContent-Length: 40\r\n"
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(socket.create_connection(("127.0.0.1", port_of(order.url)))) for _ in range(50)]
        for number, each in enumerate(slow):
            each.sendall(head + b"\r\n{" if number % 2 else head)
        begun = time.monotonic()
        assert order.client.get("/orders").status_code == 200
        assert time.monotonic() - begun < 1
        for each in slow:
            each.settimeout(15)
            text = b""
            with contextlib.suppress(ConnectionError):
                while part := each.recv(4096):
                    text += part
            assert text == b"" or text.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun < 14


def test_a_body_that_says_that_it_is_huge_is_refused_before_it_is_sent(pair: tuple[Running, Running]) -> None:
    order, _ = pair
    connection = http.client.HTTPConnection("127.0.0.1", port_of(order.url), timeout=5)
    connection.putrequest("POST", "/orders")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(10**9))
    connection.endheaders()
    answer = connection.getresponse()

    assert answer.status == 413
    assert json.loads(answer.read())["detail"] == "a body has at most 65536 bytes"
    connection.close()


# --- the database goes and comes back ---


def test_a_database_that_goes_away_is_said_at_once_and_one_that_comes_back_is_used_at_once(tmp_path: Path) -> None:
    mariadb.needed()
    with mariadb.MariaDB(tmp_path) as server:
        variables = {"ORDER_DB_URL": server.url, "ORDER_DB_USER": server.user, "ORDER_DB_PASS": server.password}
        server.kill()
        with shop(ORDER_LOG_LEVEL="DEBUG", **variables) as (order, _):
            for _ in range(2):  # first at its start, then in the middle of its work
                begun = time.monotonic()
                answer = order.client.post("/orders", json=ORDER)
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
                assert time.monotonic() - begun < 4
                assert order.client.get("/actuator/health/liveness").json() == {"status": "UP"}
                assert order.client.get("/actuator/health/readiness").status_code == 503

                server.start()
                answer = order.client.post("/orders", json=ORDER)
                assert answer.status_code == 201
                assert order.client.get("/actuator/health/readiness").json() == {"status": "UP"}
                server.kill()
            server.start()
            assert len(kept(order)) == 2
            assert server.password not in "".join(order.said)
