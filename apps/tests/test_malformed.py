"""Requests that are not as they should be: none of them is this application's fault, so none is answered with 500."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from apps.tests.running import ORDER, Running, port_of, shop
from common import trace

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = json.dumps(ORDER).encode()
TRACE, SPAN = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"

VALUES = ("caf\u00e9".encode(), b"\xff\xfe", b"x" * 5_000, b"a\tb")
"""That no header of a trace may have."""

TRACEPARENTS = (
    b"", b"-", b"---", b"garbage", b"00-" + TRACE + b"-" + SPAN, b"00-" + TRACE[1:] + b"-" + SPAN + b"-01",
    b"00-" + b"0" * 32 + b"-" + SPAN + b"-01", b"00-" + TRACE + b"-" + b"0" * 16 + b"-01",
    b"ff-" + TRACE + b"-" + SPAN + b"-01", b"00-" + TRACE.upper() + b"-" + SPAN + b"-01",
    b"00-" + TRACE + b"-" + SPAN + b"-01-more", b"00-" + TRACE + b"-" + SPAN + b"-0g",
)  # fmt: skip

BODIES = (
    b"", b" ", b"null", b"0", b"true", b'""', b"[]", b"{}", b"{", b"}", b"not json", b"\x00", b"\xff\xfe", b"{'qty':5}",
    b'{"productId":"1001"}', b'{"qty":5}', b'{"productId":"1001","qty":0}', b'{"productId":"1001","qty":-1}',
    b'{"productId":"1001","qty":1e400}', b'{"productId":"1001","qty":NaN}', b'{"productId":"1001","qty":"5"}',
    b'{"productId":"1001","qty":' + b"9" * 5_000 + b"}", b'{"productId":null,"qty":5}', b'{"productId":"a b","qty":5}',
    b'{"productId":"\\ud800","qty":5}', b'{"productId":"1001","qty":5,"more":1}', b"[" * 30_000,
)  # fmt: skip

TARGETS = (
    b"GET /orders?limit=0", b"GET /orders?limit=x", b"GET /orders?offset=-1", b"GET /orders?offset=9999999999999999",
    b"GET /orders/0", b"GET /orders/-1", b"GET /orders/x", b"GET /orders/99999999999999999999", b"GET /orders/%ff",
    b"GET /%00", b"GET /..%2f..%2fetc", b"DELETE /orders", b"PATCH /orders/1", b"TRACE /orders",
)  # fmt: skip
"""Beginnings of request lines."""


def post(body: bytes, *headers: bytes) -> bytes:
    lines = (b"host: order", b"content-type: application/json", b"content-length: %d" % len(body), *headers)
    return b"POST /orders HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\nconnection: close\r\n\r\n" + body


WITH_A_BAD_HEADER = [
    *(post(BODY, name.encode() + b": " + value) for name in trace.PASSED_ON for value in VALUES),
    *(post(BODY, b"traceparent: " + value, b"tracestate: lab=1") for value in TRACEPARENTS),
]
WRONG = [
    *(post(body) for body in BODIES),
    *(target + b" HTTP/1.1\r\nhost: order\r\nconnection: close\r\n\r\n" for target in TARGETS),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Running, Running]]:
    with shop() as found:
        yield found


def sent(process: Running, request: bytes) -> tuple[int, dict[str, object]]:
    """The status and the document of the answer."""
    with socket.create_connection(("127.0.0.1", port_of(process.url)), timeout=20) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            answer = stream.read()
    head, _, document = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(document)


def test_there_are_ninety_seven() -> None:
    assert len({*WITH_A_BAD_HEADER, *WRONG}) == 97


@pytest.mark.parametrize("request_", WITH_A_BAD_HEADER, ids=range(len(WITH_A_BAD_HEADER)))
def test_an_order_with_a_bad_header_of_a_trace_is_kept_and_delivered(
    pair: tuple[Running, Running], request_: bytes
) -> None:
    order, delivery = pair
    status, document = sent(order, request_)
    newest = delivery.client.get("/deliveries", params={"limit": 1}).json()[0]

    assert (status, document["delivery"]) == (201, "REQUESTED")
    assert newest["orderId"] == document["id"]


@pytest.mark.parametrize("request_", WRONG, ids=range(len(WRONG)))
def test_a_wrong_request_is_answered_with_a_problem_of_the_client(
    pair: tuple[Running, Running], request_: bytes
) -> None:
    status, document = sent(pair[0], request_)

    assert 400 <= status < 500
    assert document["status"] == status


def test_a_trace_that_cannot_be_is_replaced_by_a_new_one() -> None:
    found = trace.of([(b"traceparent", b"garbage"), (b"tracestate", b"lab=1"), (b"x-request-id", b"the-request")])

    assert found.headers.keys() == {"traceparent", "x-request-id"}
    assert found.headers["traceparent"] == f"00-{found.trace_id}-{found.span_id}-00"
    assert (len(found.trace_id), len(found.span_id)) == (32, 16)
    assert found == trace.of([(name.encode(), value.encode()) for name, value in found.headers.items()])
