"""Settings of the traffic lessons: each of the course's states can be said, and nothing that Istio would refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.core.errors import LabError
from lab.settings import Settings

ALL = "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream"


def load(traffic: object, **others: object) -> Settings:
    given = {key: json.dumps(value) for key, value in {"traffic": traffic, **others}.items()}
    return Settings.from_mapping(given, source="Pulumi.test.yaml")


def nested(path: str, value: object) -> dict[str, Any]:
    """An object with one value in it."""
    found: Any = value
    for key in reversed(path.split(".")):
        found = {key: found}
    return dict(found)


LESSONS = [
    {"reviews": {"v1": 80, "v2": 20}},
    {"reviews": {"v1": 30, "v2": 70}},
    {"reviews": {"v2": 100}},
    {"reviews": {"v1": 33, "v2": 33, "v3": 34}},
    {"reviewsByBrowser": True},
    {"reviewsByBrowser": True, "reviews": {"v1": 50, "v3": 50}},
    {"order": {"timeout": "3s"}},
    {"order": {"timeout": "3s", "retries": {"enabled": True}}},
    {"order": {"timeout": "500ms", "retries": {"enabled": True, "perTryTimeout": "0.5s", "retryOn": "503,reset"}}},
    {"order": {"retries": {"enabled": True, "attempts": 10, "perTryTimeout": "1m30s"}}},
    {"deliveryCircuitBreaker": {"enabled": True}},
    {"deliveryCircuitBreaker": {"enabled": True, "baseEjectionTime": "5s", "interval": "1s", "maxEjectionPercent": 0}},
]

BAD = [
    *(("reviews.v1", value, "0 to 100") for value in (-1, 101, 80.5, "eighty", "", None, True, [])),
    *(("reviews.v2", value, "0 to 100") for value in (-20, 1000)),
    *(("reviews.v3", value, "0 to 100") for value in ("3x", {})),
    *(("reviews", value, "weights that make 100") for value in ({"v1": 80}, {"v1": 80, "v2": 21}, {"v1": 1, "v2": 1})),
    ("reviews.v4", 100, "v1, v2, v3"),
    ("reviewsByBrowser", "Firefox", "true or false"),
    ("reviewsByBrowser", 1, "true or false"),
    ("reviewsByBrowzer", True, "reviewsByBrowser"),
    *(
        ("order.timeout", value, "a time from 1ms to 24h")
        for value in (
            3,
            "3",
            "3 s",
            "-3s",
            "s",
            "0s",
            "0.1ms",
            "1.5ms",
            "25h",
            "3sec",
            "1d",
            "3S",
            "1e3s",
            "٣s",
            True,
            [],
        )
    ),
    *(("order.retries.attempts", value, "1 to 10") for value in (0, 11, "three", -1)),
    *(("order.retries.perTryTimeout", value, "a time from 1ms to 24h") for value in ("", "2", "0ms", "two", 2)),
    *(
        ("order.retries.retryOn", value, "names with commas")
        for value in ("", "5xx, reset", "6xx", "5xx,5xx", ",5xx", "5xx,", "799", "5XX", 503, ["5xx"])
    ),
    ("order.retries.enabled", "yes", "true or false"),
    ("order.retry", {}, "retries"),
    ("deliveryCircuitBreaker.enabled", "on", "true or false"),
    *(("deliveryCircuitBreaker.interval", value, "a time from 1ms") for value in ("10", "", "0s")),
    *(("deliveryCircuitBreaker.consecutive5xxErrors", value, "1 to 1000") for value in (0, 1001, "one")),
    *(("deliveryCircuitBreaker.baseEjectionTime", value, "a time from 1ms") for value in ("3min", "180", "3d")),
    *(("deliveryCircuitBreaker.maxEjectionPercent", value, "0 to 100") for value in (-1, 101, "all")),
    ("deliveryCircuitBreaker.consecutiveErrors", 1, "consecutive5xxErrors"),
]


@pytest.mark.parametrize("traffic", LESSONS)
def test_every_state_of_the_course_can_be_said(traffic: dict[str, Any]) -> None:
    assert load(traffic).warnings == ()


def test_the_lab_as_it_first_stands_has_no_rule() -> None:
    traffic = Settings().traffic

    assert not traffic.routes_reviews
    assert not traffic.order.wanted
    assert not traffic.delivery_circuit_breaker.enabled


def test_the_defaults_of_a_lesson_are_the_notes_values() -> None:
    traffic = load({"order": {"retries": {"enabled": True}}, "deliveryCircuitBreaker": {"enabled": True}}).traffic
    retries, breaker = traffic.order.retries, traffic.delivery_circuit_breaker

    assert (retries.attempts, retries.per_try_timeout, retries.retry_on) == (3, "2s", ALL)
    assert (breaker.interval, breaker.consecutive_errors, breaker.base_ejection_time) == ("10s", 1, "3m")
    assert breaker.max_ejection_percent == 100


def test_there_are_sixty_bad_settings_at_least() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_a_bad_setting_is_named_with_what_is_allowed(key: str, value: object, allowed: str) -> None:
    with pytest.raises(LabError) as caught:
        load(nested(key, value))

    assert f"istio-lab:traffic.{key}: found " in caught.value.message
    assert allowed in caught.value.message


@pytest.mark.parametrize(
    ("traffic", "others", "key"),
    [
        ({"reviews": {"v2": 100}}, {"tutorial": {"bookinfo": False}}, "reviews"),
        ({"reviewsByBrowser": True}, {"tutorial": {"bookinfo": False}}, "reviewsByBrowser"),
        ({"order": {"timeout": "3s"}}, {"tutorial": {"shop": False}}, "order"),
        ({"order": {"timeout": "3s"}}, {"shop": {"enabled": False}}, "order"),
        ({"deliveryCircuitBreaker": {"enabled": True}}, {"shop": {"enabled": False}}, "deliveryCircuitBreaker.enabled"),
    ],
)
def test_a_rule_for_what_nobody_serves_is_refused(traffic: object, others: dict[str, object], key: str) -> None:
    with pytest.raises(LabError) as caught:
        load(traffic, **others)

    assert f"istio-lab:traffic.{key}: found " in caught.value.message
    assert "allowed: only with istio-lab:" in caught.value.message


def test_an_attempt_that_lasts_longer_than_the_whole_is_refused() -> None:
    with pytest.raises(LabError, match="there would be no second"):
        load({"order": {"timeout": "1s", "retries": {"enabled": True}}})
