"""The mesh: its order, its charts' values, what the platform and the settings change about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.mesh import values as chart_values
from components.platform.base import Capabilities, Webhooks
from lab.core import versions
from tests.unit.components import support
from tests.unit.components.support import after, values

if TYPE_CHECKING:
    from tests.unit.recorder import Recorded, Recording

INGRESS, EGRESS = "istio-ingressgateway", "istio-egressgateway"
SIMULATED = Capabilities(load_balancers=False, runs_containers=False, metrics=False)


@pytest.fixture(scope="module")
def opposite() -> Recording:
    """Every switch of the mesh the other way."""
    return support.main(mesh={"accessLog": False, "traceSampling": 12.5, "egressGateway": False})


def ports(recording: Recording, gateway: str) -> dict[int, int]:
    return {int(port["port"]): int(port["targetPort"]) for port in values(recording, gateway)["service"]["ports"]}


def telemetry(recording: Recording) -> dict[str, Any]:
    spec: dict[str, Any] = recording.one("mesh-default", ":Telemetry").inputs["spec"]
    return spec


def test_the_crds_come_after_the_namespace_and_before_istiod(dev: Recording) -> None:
    base = dev.one("istio-base")

    assert after(dev, base, dev.one("istio-system"))
    assert after(dev, dev.one("istiod"), base)
    assert after(dev, dev.one("istiod-process"), dev.one("istiod")), "it reads the injector's template as it starts"


def releases(recording: Recording) -> list[Recorded]:
    """The mesh's own."""
    mesh = recording.one("istio", ":Istio").urn
    return [each for each in recording.resources if each.parent == mesh and each.type.endswith(":Release")]


@pytest.mark.parametrize("gateway", [INGRESS, EGRESS])
def test_a_gateway_waits_for_an_injector_that_serves(dev: Recording, elsewhere: Recording, gateway: str) -> None:
    assert after(dev, dev.one(gateway, ":Release"), dev.one("istiod-process")), "its image is `auto` until injected"
    assert after(dev, dev.one(gateway, ":Release"), dev.one("istiod"))
    assert after(elsewhere, elsewhere.one(gateway, ":Release"), elsewhere.one("istiod"))


def test_the_meshs_telemetry_waits_for_a_validator_that_serves(dev: Recording) -> None:
    assert after(dev, dev.one("mesh-default"), dev.one("istiod-process"))


def test_the_releases_have_the_names_that_the_course_types(dev: Recording) -> None:
    assert {each.inputs["name"] for each in releases(dev)} == {"istio-base", "istiod", INGRESS, EGRESS}
    assert {each.inputs["namespace"] for each in releases(dev)} == {"istio-system"}
    assert all(each.inputs["timeout"] >= 60 for each in releases(dev))


def test_each_release_is_of_its_own_pinned_chart(dev: Recording) -> None:
    charts = {each.name: each.inputs["chart"] for each in releases(dev)}

    assert charts == {
        "istio-base": str(support.FIXTURES / "istio-base"),
        "istiod": str(support.FIXTURES / "istiod"),
        INGRESS: str(support.FIXTURES / "istio-gateway"),
        EGRESS: str(support.FIXTURES / "istio-gateway"),
    }


@pytest.mark.parametrize(("port", "target"), [(80, 8080), (443, 8443), (15021, 15021)])
def test_the_ingress_gateway_has_the_ports_of_the_course(dev: Recording, port: int, target: int) -> None:
    assert ports(dev, INGRESS)[port] == target


def test_the_egress_gateway_has_the_ports_of_the_demo_profile(dev: Recording) -> None:
    assert ports(dev, EGRESS) == {80: 8080, 443: 8443}


def test_the_names_of_a_gateways_ports_are_unique(dev: Recording) -> None:
    names = [port["name"] for port in values(dev, INGRESS)["service"]["ports"]]

    assert len(set(names)) == len(names) == len(ports(dev, INGRESS))


def test_no_disruption_budget_blocks_the_draining_of_a_node(dev: Recording) -> None:
    assert values(dev, "istiod")["global"]["defaultPodDisruptionBudget"] == {"enabled": False}


def test_istiod_has_the_demo_profile_and_the_pinned_images(dev: Recording) -> None:
    istiod = values(dev, "istiod")

    assert istiod["profile"] == "demo"
    assert (istiod["global"]["hub"], istiod["global"]["tag"]) == (versions.ISTIO_HUB, versions.ISTIO)


def test_hub_and_tag_of_the_settings_reach_istiod() -> None:
    chosen = support.main(istioHub="example.test/mirror/istio", istioVersion="1.31.0")

    given = values(chosen, "istiod")["global"]
    assert (given["hub"], given["tag"]) == ("example.test/mirror/istio", "1.31.0")


def test_access_log_and_full_sampling_are_on_as_in_the_demo_profile(dev: Recording) -> None:
    istiod = values(dev, "istiod")

    assert istiod["meshConfig"]["accessLogFile"] == "/dev/stdout"
    assert istiod["pilot"]["traceSampling"] == 100
    assert [entry.get("disabled", False) for entry in telemetry(dev)["accessLogging"]] == [False]
    assert [entry["randomSamplingPercentage"] for entry in telemetry(dev)["tracing"]] == [100]


def test_access_log_and_sampling_can_be_chosen(opposite: Recording) -> None:
    istiod = values(opposite, "istiod")

    assert not istiod["meshConfig"]["accessLogFile"]
    assert istiod["pilot"]["traceSampling"] == 12.5
    assert [entry["disabled"] for entry in telemetry(opposite)["accessLogging"]] == [True]
    assert [entry["randomSamplingPercentage"] for entry in telemetry(opposite)["tracing"]] == [12.5]


def test_the_telemetry_is_that_of_the_whole_mesh(dev: Recording) -> None:
    found = dev.one("mesh-default")

    assert found.inputs["metadata"]["namespace"] == "istio-system", "the root namespace's object is the mesh's default"
    assert "selector" not in telemetry(dev)
    assert telemetry(dev)["tracing"][0]["providers"], "without a provider no span leaves a proxy"


def test_the_egress_gateway_can_be_left_out(dev: Recording, opposite: Recording) -> None:
    assert dev.has(EGRESS)
    assert not opposite.has(EGRESS)
    assert opposite.has(INGRESS)


def test_where_there_are_load_balancers_the_ingress_gateway_asks_for_one(dev: Recording, elsewhere: Recording) -> None:
    assert values(elsewhere, INGRESS)["service"]["type"] == "LoadBalancer"
    assert values(dev, INGRESS)["service"]["type"] == "ClusterIP"


def test_the_egress_gateway_is_never_reached_from_outside(dev: Recording, elsewhere: Recording) -> None:
    assert {values(each, EGRESS)["service"]["type"] for each in (dev, elsewhere)} == {"ClusterIP"}


def test_releases_of_real_pods_are_waited_for_and_rolled_back(elsewhere: Recording) -> None:
    releases = [each.inputs for each in elsewhere.resources if each.type.endswith(":Release")]

    assert len(releases) == 4
    assert all(each.get("atomic") and not each.get("skipAwait") for each in releases)


def test_releases_of_simulated_pods_are_not_waited_for() -> None:
    simulated = support.mesh_elsewhere(capabilities=SIMULATED)
    releases = [each.inputs for each in simulated.resources if each.type.endswith(":Release")]

    assert len(releases) == 4
    assert all(each["skipAwait"] and not each.get("atomic") for each in releases)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"ip": "203.0.113.7"}, "203.0.113.7"),
        ({"hostname": "lb.example.test"}, "lb.example.test"),
        (None, support.CLUSTER_IP),
    ],
)
def test_the_address_is_the_load_balancers_or_else_the_services(given: dict[str, object] | None, address: str) -> None:
    assert support.mesh_elsewhere(ingress=given).stack_outputs["address"] == address


def test_the_embedded_api_server_calls_the_webhooks_of_the_host_process(dev: Recording) -> None:
    url = f"https://localhost:{support.WEBHOOK_PORT}"

    assert values(dev, "istiod")["istiodRemote"]["injectionURL"].startswith(url)
    assert values(dev, "istiod")["base"]["validationURL"].startswith(url)
    assert values(dev, "istio-base")["base"]["validationURL"].startswith(url)


def test_elsewhere_the_webhooks_are_those_of_the_chart(elsewhere: Recording) -> None:
    assert "istiodRemote" not in values(elsewhere, "istiod")
    assert "validationURL" not in values(elsewhere, "istiod").get("base", {})
    assert values(elsewhere, "istio-base") == {}


def test_a_platforms_annotation_reaches_the_injectors_webhook(elsewhere: Recording) -> None:
    annotation = {"admissions.enforcer/disabled": "true"}
    annotated = support.mesh_elsewhere(webhooks=Webhooks(annotations=annotation))

    assert values(annotated, "istiod")["sidecarInjectorWebhookAnnotations"] == annotation
    assert "sidecarInjectorWebhookAnnotations" not in values(elsewhere, "istiod")


def test_bad_mesh_objects_are_refused_from_the_start(dev: Recording, elsewhere: Recording) -> None:
    assert {values(each, "istiod")["base"]["validationFailurePolicy"] for each in (dev, elsewhere)} == {"Fail"}


def test_values_are_made_anew_each_time() -> None:
    first = chart_values.egress_gateway()
    first.clear()

    assert chart_values.egress_gateway()


def test_one_scrape_of_a_pod_gives_the_proxys_metrics_and_the_applications(dev: Recording) -> None:
    assert values(dev, "istiod")["meshConfig"]["enablePrometheusMerge"] is True


def test_spans_go_to_the_jaeger_of_the_addons(dev: Recording) -> None:
    (provider,) = values(dev, "istiod")["meshConfig"]["extensionProviders"]
    (tracing,) = dev.one("mesh-default").inputs["spec"]["tracing"]

    assert tracing["providers"] == [{"name": provider["name"]}]
    assert provider["opentelemetry"] == {"service": "jaeger-collector.istio-system.svc.cluster.local", "port": 4317}


def test_a_line_of_the_access_log_ends_with_its_trace(dev: Recording) -> None:
    assert values(dev, "istiod")["meshConfig"]["accessLogFormat"].endswith(" traceparent=%REQ(TRACEPARENT)%\n")
