"""The notes' traffic rules, as the settings ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from tests.unit.recorder import Recorded, Recording


def inside(recording: Recording) -> list[Recorded]:
    parent = recording.one("traffic", ":Traffic").urn
    return [each for each in recording.resources if each.parent == parent]


def spec(recording: Recording, name: str) -> dict[str, Any]:
    found: dict[str, Any] = recording.one(name).inputs["spec"]
    return found


def subset(version: str) -> dict[str, str]:
    return {"host": "reviews", "subset": version}


FIREFOX = {
    "match": [{"headers": {"baggage-user-agent": {"regex": ".*Firefox.*"}}}],
    "route": [{"destination": subset("v2")}],
}


def test_the_lab_as_it_first_stands_has_no_rule(dev: Recording) -> None:
    assert inside(dev) == []


@pytest.mark.parametrize("weights", [{"v1": 80, "v2": 20}, {"v1": 30, "v2": 70}, {"v1": 1, "v2": 2, "v3": 97}])
def test_reviews_are_split_by_weight_between_the_samples_subsets(weights: dict[str, int]) -> None:
    lesson = support.main(traffic={"reviews": weights})
    (rule,) = spec(lesson, "virtualservice-reviews")["http"]
    subsets = spec(lesson, "destinationrule-reviews")["subsets"]

    assert {each["destination"]["subset"]: each["weight"] for each in rule["route"]} == weights
    assert {each["name"]: each["labels"] for each in subsets} == {
        version: {"version": version} for version in ("v1", "v2", "v3")
    }
    assert {each.inputs["metadata"]["name"] for each in inside(lesson)} == {"reviews"}


def test_a_version_that_gets_everything_needs_no_weight() -> None:
    lesson = support.main(traffic={"reviews": {"v2": 100}})

    assert spec(lesson, "virtualservice-reviews")["http"] == [{"route": [{"destination": subset("v2")}]}]


def test_firefox_gets_the_second_version_and_everybody_else_the_first() -> None:
    lesson = support.main(traffic={"reviewsByBrowser": True})

    assert spec(lesson, "virtualservice-reviews") == {
        "hosts": ["reviews"],
        "http": [FIREFOX, {"route": [{"destination": subset("v1")}]}],
    }


def test_the_browser_is_looked_at_before_the_weights() -> None:
    lesson = support.main(traffic={"reviewsByBrowser": True, "reviews": {"v1": 50, "v3": 50}})
    first, second = spec(lesson, "virtualservice-reviews")["http"]

    assert first == FIREFOX
    assert [each["destination"]["subset"] for each in second["route"]] == ["v1", "v3"]


def test_orders_rule_has_the_notes_name_time_out_and_retries() -> None:
    timeout = support.main(traffic={"order": {"timeout": "3s"}})
    both = support.main(traffic={"order": {"timeout": "3s", "retries": {"enabled": True}}})
    route = {"route": [{"destination": {"host": "order"}}], "timeout": "3s"}

    assert spec(timeout, "vs-order-network-rule") == {"hosts": ["order"], "http": [route]}
    assert spec(both, "vs-order-network-rule")["http"] == [
        {
            **route,
            "retries": {
                "attempts": 3,
                "perTryTimeout": "2s",
                "retryOn": "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream",
            },
        }
    ]


def test_deliverys_rule_has_the_notes_name_and_values() -> None:
    lesson = support.main(traffic={"deliveryCircuitBreaker": {"enabled": True}})

    assert spec(lesson, "dr-delivery") == {
        "host": "delivery",
        "trafficPolicy": {
            "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
            "outlierDetection": {
                "interval": "10s",
                "consecutive5xxErrors": 1,
                "baseEjectionTime": "3m",
                "maxEjectionPercent": 100,
            },
        },
    }


def test_no_route_leads_to_a_subset_that_is_not_there_yet_and_no_rule_comes_unchecked() -> None:
    lesson = support.main(traffic={"reviews": {"v2": 100}, "deliveryCircuitBreaker": {"enabled": True}})
    route, subsets = lesson.one("virtualservice-reviews"), lesson.one("destinationrule-reviews")

    assert after(lesson, route, subsets)
    for rule in inside(lesson):
        assert rule.inputs["metadata"]["namespace"] == "tutorial"
        assert after(lesson, rule, lesson.one("tutorial", ":Namespace"))
        assert after(lesson, rule, lesson.one("istiod-process")), "istiod checks what it is given"
