"""The shop's delivery, replaced step by step: by the mesh's routes or by a preview, and watched by an analysis."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from components.rollouts import analysis, strategies
from components.rollouts.analysis import Limits
from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from tests.unit.recorder import Recorded, Recording

ANALYSED = ("canary", "blueGreen")
FORCED = support.SHARED_FIELDS
LIMITS = Limits(success=0.95, milliseconds=500.0, interval="15s", window="1m")


@cache
def delivery(strategy: str = "canary", **settings: str) -> Recording:
    """The program with a delivery that is rolled out so: read by many tests and changed by none."""
    return support.main(rollouts={"delivery": {"strategy": strategy, **settings}})


def rollout(recording: Recording) -> Recorded:
    return recording.one("shop-delivery", ":Rollout")


def strategy(recording: Recording) -> dict[str, Any]:
    found: dict[str, Any] = rollout(recording).inputs["spec"]["strategy"]
    return found


def rule(recording: Recording, kind: str) -> Recorded:
    return recording.one(f"delivery-{kind.lower()}", f":{kind}")


def arguments(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in found["args"]}


def labels(recording: Recording) -> dict[str, str]:
    found: dict[str, str] = rollout(recording).inputs["spec"]["template"]["metadata"]["labels"]
    return found


# --- the analysis ---


def metrics(**changed: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - the limits'
    limits = Limits(**{"success": 0.95, "milliseconds": 500.0, "interval": "15s", "window": "1m", **changed})
    return {each["name"]: each for each in analysis.template(limits, namespace="shop", count=None)["metrics"]}


def query(name: str, **changed: Any) -> str:  # noqa: ANN401 - the limits'
    found: str = metrics(**changed)[name]["provider"]["prometheus"]["query"]
    return found


def selectors(text: str) -> list[dict[str, str]]:
    """The labels that each series of a query is chosen by, with their operators."""
    return [dict(re.findall(r'(\w+=?~?)"([^"]*)"', each)) for each in re.findall(r"istio_\w+\{(.*?)\}\[", text)]


@pytest.mark.parametrize("name", ["success-rate", "latency-p95-ms"])
def test_two_versions_of_one_service_are_told_apart_by_their_version(name: str) -> None:
    found = selectors(query(name))

    assert found
    for each in found:
        assert each["reporter="] == "source", "what a client sees; a version that is dead reports nothing"
        assert each["destination_service="] == "{{args.service}}.shop.svc.cluster.local"
        assert each["destination_version="] == "{{args.version}}"


def test_a_version_that_answers_nothing_but_errors_has_failures_and_no_successes_to_count() -> None:
    text = query("success-rate")
    failures, everything = selectors(text)

    assert failures["response_code=~"] == "5.*|0", "an answer that never came is none"
    assert not {key for key in everything if key.startswith("response_code")}
    assert re.fullmatch(r"1 - \(sum\(rate\(.+\)\) or vector\(0\)\) / sum\(rate\(.+\)\)", text)


def test_without_any_request_there_is_no_answer_rather_than_a_good_one() -> None:
    text = query("success-rate")

    assert text.count("or vector(0)") == 1
    assert not text.endswith("or vector(0)")
    assert "vector(" not in query("latency-p95-ms")


def test_the_latency_is_that_of_95_percent_whatever_pod_and_code_they_came_from() -> None:
    assert re.fullmatch(
        r"histogram_quantile\(0\.95, sum by \(le\) "
        r"\(rate\(istio_request_duration_milliseconds_bucket\{.+\}\[1m\]\)\)\)",
        query("latency-p95-ms"),
    )


@pytest.mark.parametrize("name", ["success-rate", "latency-p95-ms"])
def test_a_query_is_whole_and_looks_back_as_far_as_it_was_told(name: str) -> None:
    text = query(name, window="5m")

    for opened, closed in ("()", "[]", "{}"):
        assert text.count(opened) == text.count(closed)
    assert set(re.findall(r"\[(.*?)\]", text)) == {"5m"}


def test_nothing_known_is_neither_success_nor_failure() -> None:
    for each in metrics().values():
        assert each["successCondition"].startswith("len(result) > 0 && result[0] ")
        assert each["failureCondition"].startswith("len(result) > 0 && result[0] ")
        assert each["inconclusiveLimit"] > each["failureLimit"] > 0


def test_a_version_is_good_enough_up_to_and_with_its_limits() -> None:
    found = metrics(success=0.995, milliseconds=250.0)
    conditions = {
        name: tuple(each[f"{kind}Condition"].partition("result[0] ")[2] for kind in ("success", "failure"))
        for name, each in found.items()
    }

    assert conditions == {"success-rate": (">= 0.995", "< 0.995"), "latency-p95-ms": ("<= 250", "> 250")}


def test_the_first_look_waits_until_there_is_a_window_to_look_at() -> None:
    for each in metrics(interval="10s", window="2m").values():
        assert (each["initialDelay"], each["interval"]) == ("2m", "10s")


def test_it_looks_as_often_as_it_is_asked_to_or_else_for_as_long() -> None:
    looks = analysis.template(LIMITS, namespace="shop", count=3)["metrics"]

    assert [each["count"] for each in looks] == [3, 3]
    assert ["count" in each for each in metrics().values()] == [False, False]


def test_the_analysis_asks_the_prometheus_of_the_lab(dev: Recording) -> None:
    service = support.values(dev, "prometheus")["objects"]["Service/prometheus"]

    assert {each["provider"]["prometheus"]["address"] for each in metrics().values()} == {
        "http://prometheus.istio-system:9090"
    }
    assert "port: 9090" in service


@pytest.mark.parametrize("name", ANALYSED)
def test_the_template_has_the_arguments_that_the_rollout_gives_it(name: str) -> None:
    recording = delivery(name)
    template = recording.one("delivery-analysis", ":AnalysisTemplate").inputs
    (found,) = strategy(recording).values()
    asked = found.get("analysis") or found["prePromotionAnalysis"]

    assert template["metadata"]["namespace"] == rollout(recording).inputs["metadata"]["namespace"] == "shop"
    assert asked["templates"] == [{"templateName": template["metadata"]["name"]}]
    assert set(arguments(asked)) == {each["name"] for each in template["spec"]["args"]}
    assert arguments(asked)["version"] == labels(recording)["version"]


def test_the_limits_are_those_of_the_settings() -> None:
    given = {"successRate": 99.5, "latency": "1s", "interval": "5s", "window": "30s"}
    recording = support.main(rollouts={"delivery": {"strategy": "canary", "analysis": given}})
    spec = recording.one("delivery-analysis").inputs["spec"]

    success, latency = spec["metrics"]
    assert success["successCondition"].endswith(">= 0.995")
    assert latency["successCondition"].endswith("<= 1000")
    assert (success["interval"], success["initialDelay"]) == ("5s", "30s")


# --- the canary ---


def test_a_canary_gets_a_growing_share_and_is_watched_from_the_first_pause_to_the_end() -> None:
    canary = strategy(delivery(pause="3m"))["canary"]
    pause = {"pause": {"duration": "3m"}}

    assert canary["steps"] == [{"setWeight": 20}, pause, {"setWeight": 50}, pause, {"setWeight": 80}, pause]
    assert canary["steps"][int(canary["analysis"]["startingStep"])] == pause
    assert arguments(canary["analysis"])["service"] == "delivery"


def test_the_canary_knows_its_route_and_its_subsets_by_the_names_they_have() -> None:
    recording = delivery()
    routing = strategy(recording)["canary"]["trafficRouting"]["istio"]
    route, destination = rule(recording, "VirtualService").inputs, rule(recording, "DestinationRule").inputs

    assert routing["virtualService"] == {
        "name": route["metadata"]["name"],
        "routes": [each["name"] for each in route["spec"]["http"]],
    }
    assert routing["destinationRule"]["name"] == destination["metadata"]["name"]
    assert [routing["destinationRule"][key] for key in ("stableSubsetName", "canarySubsetName")] == [
        each["name"] for each in destination["spec"]["subsets"]
    ]


def test_everybody_gets_the_stable_version_until_the_controller_says_otherwise() -> None:
    recording = delivery()
    (http,) = rule(recording, "VirtualService").inputs["spec"]["http"]

    assert {each["destination"]["subset"]: each["weight"] for each in http["route"]} == {"stable": 100, "canary": 0}
    assert {each["destination"]["host"] for each in http["route"]} == {"delivery"}
    for subset in rule(recording, "DestinationRule").inputs["spec"]["subsets"]:
        assert subset["labels"].items() <= labels(recording).items(), "before, both have all Pods"


def test_anybody_waits_for_ever_unless_told_how_long() -> None:
    (forever,) = rule(delivery(), "VirtualService").inputs["spec"]["http"]
    (short,) = rule(delivery(timeout="2s"), "VirtualService").inputs["spec"]["http"]

    assert "timeout" not in forever
    assert short == {**forever, "timeout": "2s"}


def test_what_the_controller_writes_is_its_own_and_left_alone_as_a_whole() -> None:
    recording = delivery()

    assert rule(recording, "VirtualService").ignored == ("spec.http",)
    assert rule(recording, "DestinationRule").ignored == ("spec.subsets",)


def test_routes_that_are_to_be_applied_are_taken_from_the_controller() -> None:
    recording = delivery(routes="applied")

    for kind in ("VirtualService", "DestinationRule"):
        assert rule(recording, kind).ignored == ()
        assert rule(recording, kind).inputs["metadata"]["annotations"] == FORCED


def test_no_route_leads_to_a_subset_that_is_not_there_yet() -> None:
    recording = delivery()

    assert after(recording, rule(recording, "VirtualService"), rule(recording, "DestinationRule"))


# --- blue/green ---


def test_blue_green_looks_at_the_preview_before_everybody_gets_it() -> None:
    recording = delivery("blueGreen")
    found = strategy(recording)["blueGreen"]
    preview = recording.one("delivery-preview", ":Service").inputs

    assert (found["activeService"], found["previewService"]) == ("delivery", preview["metadata"]["name"])
    assert preview["metadata"]["namespace"] == "shop"
    assert arguments(found["prePromotionAnalysis"])["service"] == preview["metadata"]["name"]
    assert "autoPromotionEnabled" not in found, "a version that is good enough needs nobody"


def test_an_analysis_before_a_promotion_comes_to_an_end_and_that_of_a_canary_does_not() -> None:
    def counts(recording: Recording) -> list[object]:
        return [each.get("count") for each in recording.one("delivery-analysis").inputs["spec"]["metrics"]]

    assert counts(delivery("blueGreen")) == [3, 3]
    assert counts(delivery("canary")) == [None, None]


def test_the_preview_answers_on_the_port_of_delivery_itself() -> None:
    recording = delivery("blueGreen")

    (preview,) = recording.one("delivery-preview", ":Service").inputs["spec"]["ports"]
    (itself,) = recording.one("shop-delivery", ":Service").inputs["spec"]["ports"]
    assert preview == itself


def test_the_controller_says_where_the_services_of_a_rollout_lead_to() -> None:
    recording = delivery("blueGreen")

    assert recording.one("delivery-preview", ":Service").ignored == ("spec.selector",)
    assert recording.one("shop-delivery", ":Service").ignored == ("spec.selector",)
    assert recording.one("shop-order", ":Service").ignored == ()


def test_each_strategy_has_what_the_other_has_not() -> None:
    canary, blue_green = delivery("canary"), delivery("blueGreen")

    assert not canary.has("delivery-preview")
    assert not any(each.name.startswith("delivery-") and "networking" in each.type for each in blue_green.resources)


# --- the Rollout ---


@pytest.mark.parametrize("name", ANALYSED)
def test_delivery_of_the_shop_is_a_rollout_of_the_same_pods(dev: Recording, name: str) -> None:
    recording = delivery(name)
    before, now = dev.one("shop-delivery", ":Deployment").inputs["spec"], rollout(recording).inputs["spec"]

    assert "kubernetes:apps/v1:Deployment -> shop-delivery" not in recording.listing()
    for same in ("replicas", "selector", "template"):
        assert now[same] == before[same]
    assert (now["minReadySeconds"], now["revisionHistoryLimit"]) == (5, 3)
    assert rollout(recording).inputs["metadata"]["name"] == "delivery"


def test_the_settings_set_back_what_was_rolled_out_by_hand() -> None:
    assert rollout(delivery()).ignored == ()
    assert rollout(delivery()).inputs["metadata"]["annotations"] == {
        **FORCED,
        **support.AT_ONCE,
        "istio-lab/replicas": "2",
    }


def test_every_rollout_that_is_deleted_goes_at_once_since_the_provider_cannot_watch_it() -> None:
    found = [each for each in delivery().resources if each.type.endswith(":Rollout")]

    assert {each.name for each in found} == {"shop-delivery", "example-rollout"}
    for each in found:
        assert each.inputs["metadata"]["annotations"].items() >= support.AT_ONCE.items()


@pytest.mark.parametrize("name", ANALYSED)
def test_a_rollout_comes_when_all_that_it_works_with_is_there(name: str) -> None:
    recording = delivery(name)
    found, parts = rollout(recording), recording.one("delivery", ":Progressive").urn

    beside = [each for each in recording.resources if each.parent == parts]
    assert len(beside) > 1
    for each in beside:
        assert after(recording, found, each), each.name
        assert after(recording, each, recording.one("istiod-process")), f"istiod checks {each.name}"
        assert after(recording, each, recording.one("argo-rollouts", ":Release")), f"{each.name} has no CRD before"
    assert after(recording, found, recording.one("rollouts-process"))
    assert after(recording, found, recording.one("shop", ":Namespace"))


def test_a_version_that_is_rolled_out_is_that_of_the_rollouts_settings() -> None:
    recording = delivery(version="v2", variant="failing")
    (container,) = rollout(recording).inputs["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}

    assert labels(recording) == {"app": "delivery", "version": "v2"}
    assert (told["APP_VERSION"], told["VARIANT"]) == ("v2", "failing")
    assert arguments(strategy(recording)["canary"]["analysis"])["version"] == "v2"


@pytest.mark.parametrize("name", ["ramped", "recreate", *ANALYSED])
def test_delivery_in_tutorial_stays_the_deployment_of_the_lessons(dev: Recording, name: str) -> None:
    recording = delivery(name, version="v2", variant="failing")

    found, before = (each.one("tutorial-delivery", ":Deployment").inputs for each in (recording, dev))
    assert found == before
    assert recording.one("tutorial-delivery", ":Service").ignored == ()


# --- Kubernetes' own strategies ---


@pytest.mark.parametrize(("name", "expected"), [("ramped", strategies.ramped()), ("recreate", strategies.recreate())])
def test_kubernetes_replaces_versions_by_itself(name: str, expected: dict[str, Any]) -> None:
    recording = delivery(name, version="v2")
    found = recording.one("shop-delivery", ":Deployment").inputs["spec"]

    assert found["strategy"] == expected
    assert found["template"]["metadata"]["labels"]["version"] == "v2"
    assert not [each.name for each in recording.resources if "Progressive" in each.urn]
    assert not after(recording, recording.one("shop-delivery", ":Deployment"), recording.one("rollouts-process"))


def test_without_argo_rollouts_delivery_is_replaced_by_kubernetes_alone() -> None:
    without = support.main(rollouts={"enabled": False})

    assert without.one("shop-delivery", ":Deployment").inputs["spec"]["strategy"] == strategies.ramped()
    assert not [each.name for each in without.resources if "argoproj" in each.type]


# --- the data plane ---


@pytest.mark.parametrize(
    ("name", "counted"), [("ramped", False), ("recreate", False), ("canary", True), ("blueGreen", True)]
)
def test_requests_are_counted_where_an_analysis_asks_for_them(name: str, *, counted: bool) -> None:
    assert delivery(name).one("data-plane").inputs["metrics"] is counted
