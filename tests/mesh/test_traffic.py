"""The lessons on traffic, by what the Pods of the mesh are answered."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.mesh.mesh import FIREFOX, ORDER
from tests.mesh.shares import assert_shares

if TYPE_CHECKING:
    from tests.mesh.mesh import Mesh

REQUESTS = 1000

_MERGED = 1.2
"""Seconds: Envoy's threads hear at most once a second who is left alone (`update_merge_window`), so they go on asking
the second of two Pods until then."""


@pytest.mark.parametrize("weights", [{"v1": 80, "v2": 20}, {"v1": 30, "v2": 70}, {"v2": 100}])
def test_the_versions_of_reviews_get_their_shares(mesh: Mesh, weights: dict[str, int]) -> None:
    mesh.apply(reviews=weights)

    assert_shares(mesh.reviews, REQUESTS, weights)


def test_without_a_rule_every_version_answers(mesh: Mesh) -> None:
    mesh.apply()

    assert set(mesh.reviews(100)) == {"v1", "v2", "v3"}


def test_firefox_gets_version_2_and_everybody_else_version_1(mesh: Mesh) -> None:
    mesh.apply(reviewsByBrowser=True)

    firefox = mesh.reviews(200, "-H", f"baggage-user-agent: {FIREFOX}")
    others = mesh.reviews(200, "-H", "baggage-user-agent: curl/8.0")

    assert firefox == {"v2": 200}
    assert others == {"v1": 200}


def test_a_slow_order_is_504_after_three_seconds_and_a_quick_one_is_made(mesh: Mesh) -> None:
    post = ("-X", "POST", "-H", "Content-Type: application/json", "-d", ORDER, "http://order:8080/orders")
    mesh.apply(order={"timeout": "3s"})
    try:
        mesh.faults("order", delaySeconds=5)
        slow, seconds = mesh.status(*post)
        mesh.faults("order", delaySeconds=1)
        quick, _ = mesh.status(*post)
    finally:
        mesh.faults("order")

    assert slow == 504
    assert seconds == pytest.approx(3.0, abs=0.3)
    assert quick == 201


def test_order_is_asked_four_times_and_no_more(mesh: Mesh) -> None:
    mesh.apply(order={"retries": {"enabled": True, "attempts": 3, "perTryTimeout": "2s"}})

    assert _ask_failing_order(mesh, 3) == (200, 0)
    assert _ask_failing_order(mesh, 5) == (503, 1)


@pytest.mark.parametrize(("retry_on", "attempts"), [("retriable-4xx", 4), ("5xx", 1)])
def test_a_conflict_is_tried_again_where_the_policy_says_so(mesh: Mesh, retry_on: str, attempts: int) -> None:
    mesh.apply(order={"retries": {"enabled": True, "attempts": 3, "perTryTimeout": "2s", "retryOn": retry_on}})
    key = f"Idempotency-Key: {retry_on}"
    url, kind = "http://order:8080/orders", "Content-Type: application/json"
    assert mesh.status("-H", key, "-H", kind, "-d", ORDER, url)[0] == 201
    before = mesh.answered("order", 409)

    status, _ = mesh.status("-H", key, "-H", kind, "-d", ORDER.replace("5", "6"), url)

    assert status == 409
    assert mesh.answered("order", 409) - before == attempts


@pytest.mark.parametrize(("retry_on", "seen"), [("connect-failure", {200}), ("retriable-4xx", {200, 503})])
def test_a_pod_that_cannot_be_reached_is_passed_over_where_the_policy_says_so(
    mesh: Mesh, retry_on: str, seen: set[int]
) -> None:
    mesh.apply(order={"retries": {"enabled": True, "attempts": 3, "perTryTimeout": "2s", "retryOn": retry_on}})
    mesh.scale("order", 2)
    try:
        with mesh.stopped("order", mesh.addresses("order")[0]):
            found = mesh.statuses("http://order:8080/orders", 60)
    finally:
        mesh.scale("order", 1)

    assert set(found) == seen


def test_each_attempt_gets_its_own_time(mesh: Mesh) -> None:
    mesh.apply(order={"retries": {"enabled": True, "attempts": 2, "perTryTimeout": "1s", "retryOn": "gateway-error"}})
    try:
        mesh.faults("order", delaySeconds=3)
        status, seconds = mesh.status("http://order:8080/orders")
    finally:
        mesh.faults("order")

    assert status == 504
    # Three attempts, and what Envoy waits between them.
    assert 3.0 <= seconds <= 3.5


def test_a_delivery_that_is_down_is_left_alone_until_its_time_has_passed(mesh: Mesh) -> None:
    mesh.apply(deliveryCircuitBreaker={"enabled": True, "interval": "1s", "baseEjectionTime": "6s"})
    one, other = mesh.addresses("delivery")
    assert set(mesh.answering("delivery", 20)) == {one, other}
    begun = mesh.fail_once(one)

    assert set(mesh.answering("delivery", 40)) == {other}
    assert mesh.away(one, begun, patience=20) >= 5


def test_both_deliveries_down_may_be_left_alone_together(mesh: Mesh) -> None:
    mesh.apply(deliveryCircuitBreaker={"enabled": True, "interval": "1s", "baseEjectionTime": "8s"})
    both = mesh.addresses("delivery")
    try:
        for address in both:
            mesh.curl("--fail", "-X", "PUT", f"http://{address}:8080/actuator/down")
        mesh.statuses("http://delivery:8080/", 10)
        time.sleep(_MERGED)
        before = mesh.answered("delivery", 503)

        # As maxEjectionPercent says: nobody is left, and nobody is asked.
        assert set(mesh.statuses("http://delivery:8080/", 10)) == {503}
        assert mesh.answered("delivery", 503) == before
    finally:
        for address in both:
            mesh.curl("-X", "PUT", f"http://{address}:8080/actuator/up")
    deadline = time.monotonic() + 30
    while set(mesh.statuses("http://delivery:8080/", 10)) != {200}:
        assert time.monotonic() < deadline


def test_no_request_is_lost_while_the_weights_change(mesh: Mesh) -> None:
    mesh.apply(reviews={"v1": 100})
    mesh.configure(reviews={"v1": 50, "v2": 50})
    with ThreadPoolExecutor() as beside:
        answers = beside.submit(mesh.reviews, 3000, "--rate", "300/s")
        mesh.up()
        answered = answers.result()

    assert set(answered) == {"v1", "v2"}


def _ask_failing_order(mesh: Mesh, failing: int) -> tuple[int, int]:
    """The status when so many requests in a row fail, and how many would still fail."""
    try:
        mesh.faults("order", failNext=failing)
        status, _ = mesh.status("http://order:8080/orders")
        [order] = mesh.addresses("order")
        return status, int(json.loads(mesh.curl(f"http://{order}:8080/actuator/faults"))["failNext"])
    finally:
        mesh.faults("order")
