"""What operators and exercises do with an application: take it down, make it fail, read its logs, end it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import threading
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from apps.tests.running import ORDER, Running, port_of, running, shop

each = pytest.mark.parametrize("app", ["order", "delivery"])
TRACE = "0af7651916cd43dd8448eb211c80319c"
BUSINESS = {"order": "/orders", "delivery": "/deliveries"}


@each
def test_what_is_told_to_be_down_answers_nothing_but_the_actuator_until_it_is_up_again(app: str) -> None:
    with running(app) as process:
        process.client.put("/actuator/down")
        down = {path: process.client.get(path).status_code for path in ("/", BUSINESS[app], "/actuator/health")}
        groups = [process.client.get(f"/actuator/health/{group}") for group in ("liveness", "readiness")]
        echo = process.client.get("/actuator/echo").status_code
        process.client.put("/actuator/up")

        assert set(down.values()) == {503}
        assert [(found.status_code, found.json()) for found in groups] == [(503, {"status": "DOWN"})] * 2
        assert echo == 200
        assert process.client.get(BUSINESS[app]).status_code == 200
        assert process.client.get("/actuator/health").json() == {"status": "UP"}


@each
def test_it_is_slow_and_fails_as_often_as_it_was_told(app: str) -> None:
    with running(app) as process:
        process.client.put("/actuator/faults", json={"failNext": 2})
        told = [process.client.get(BUSINESS[app]).status_code for _ in range(3)]
        process.client.put("/actuator/faults", json={"failureRate": 0.5})
        chance = [process.client.get(BUSINESS[app]).status_code for _ in range(200)].count(503)
        process.client.put("/actuator/faults", json={"delaySeconds": 0.3})
        begun = time.monotonic()
        process.client.get(BUSINESS[app])

        assert told == [503, 503, 200]
        assert 60 < chance < 140
        assert 0.29 < time.monotonic() - begun < 1
        assert process.client.get("/actuator/faults").json() == {"delaySeconds": 0.3, "failureRate": 0, "failNext": 0}


@pytest.mark.parametrize(
    "faults", [{"failureRate": 2}, {"delaySeconds": -1}, {"delaySeconds": 601}, {"delay": 1}, {"failNext": -1}]
)
def test_a_fault_that_cannot_be_is_refused_and_changes_nothing(faults: dict[str, float]) -> None:
    with running("delivery", VARIANT="failing") as process:
        assert process.client.put("/actuator/faults", json=faults).status_code == 422
        assert process.client.get("/actuator/faults").json()["failureRate"] == 0.3


def test_the_variants_are_faults_from_the_start() -> None:
    with running("delivery", VARIANT="slow") as slow, running("delivery", VARIANT="slow", FAULT_DELAY="0.1") as less:
        assert slow.client.get("/actuator/faults").json()["delaySeconds"] == 3
        assert less.client.get("/actuator/faults").json()["delaySeconds"] == 0.1


def test_the_headers_of_a_trace_reach_delivery_and_both_logs() -> None:
    headers = {
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "tracestate": "lab=1",
        "baggage": "user-agent=Firefox",
        "x-request-id": "the-request",
    }
    with shop(ORDER_LOG_LEVEL="DEBUG") as (order, delivery):
        order.client.post("/orders", json=ORDER, headers=headers)
        for process in (order, delivery):
            line = process.wait_for(lambda line: line if line.get("method") == "POST" else None, "answers a POST")
            assert (line["traceId"], line["spanId"], line["requestId"]) == (TRACE, "b7ad6b7169203331", "the-request")


def test_debug_says_what_info_does_not() -> None:
    said = {}
    for level in ("DEBUG", "INFO"):
        with shop(ORDER_LOG_LEVEL=level) as (order, _):
            order.client.post("/orders", json=ORDER)
            order.terminate()
            order.end()
            said[level] = {line["level"] for line in order.lines if "port" not in line}

    assert said == {"DEBUG": {"DEBUG", "INFO"}, "INFO": {"INFO"}}


@each
def test_every_line_of_a_log_is_one_json_object(app: str) -> None:
    with running(app) as process:
        process.client.get("/nowhere")
        process.client.post(BUSINESS[app], content=b"\x00")
        process.terminate()
        process.end()

        assert [line for line in process.said if not line.startswith("{")] == []
        assert all({"timestamp", "level", "logger", "message"} <= line.keys() for line in process.lines)


@each
def test_requests_are_counted_by_method_route_and_status(app: str) -> None:
    with running(app) as process:
        for path in (BUSINESS[app], BUSINESS[app], "/nowhere", "/somewhere/else"):
            process.client.get(path)
        text = process.client.get("/actuator/prometheus").text

    counts = {
        (sample.labels["uri"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_server_requests_seconds_count"
    }
    assert counts == {(BUSINESS[app], "200"): 2, ("unknown", "404"): 2}


@pytest.mark.parametrize("round_", range(3))
def test_one_that_is_told_to_end_under_load_answers_every_request_that_it_has_taken(round_: int) -> None:
    answered: list[int] = []
    broken: list[str] = []
    ended = threading.Event()

    def customer(process: Running) -> None:
        """Keeps its connection, and makes a new one when it is told to close it, as proxies do."""
        with contextlib.ExitStack() as held:
            connection = None
            while not ended.is_set():
                fresh = connection is None
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", port_of(process.url), timeout=10)
                        held.callback(connection.close)
                    connection.request("GET", "/orders")
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException) as error:
                    # A new connection may come too late: then nobody has taken it.
                    if not fresh:
                        broken.append(repr(error))
                    return
                answered.append(answer.status)
                if answer.getheader("connection") == "close":
                    connection.close()
                    connection = None

    with running("order", DELIVERY_RETRY="0", FAULT_DELAY="0.02") as process:
        with concurrent.futures.ThreadPoolExecutor(20) as threads:
            customers = [threads.submit(customer, process) for _ in range(20)]
            time.sleep(0.5 + round_ / 10)
            begun = time.monotonic()
            code = process.terminate()
            took = time.monotonic() - begun
            ended.set()
            concurrent.futures.wait(customers, timeout=15)
        process.end()

    taken = [line["status"] for line in process.lines if line["logger"] == "access"]
    assert code == 0
    assert took < 25
    assert len(answered) > 100
    assert taken == [200] * len(answered), "what it has begun to answer has arrived"
    assert broken == [], "no connection that it knew was cut"
