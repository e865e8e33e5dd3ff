"""The namespace `tutorial`, as the course's notes have it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from tests.unit.recorder import Recorded, Recording


@pytest.fixture(scope="module")
def bare() -> Recording:
    """Everything in the namespace switched off."""
    return support.main(tutorial={"helloNginx": False, "bookinfo": False})


@pytest.fixture(scope="module")
def chosen() -> Recording:
    """A mirror for Istio's images and another nginx."""
    return support.main(istioHub="example.test/mirror/istio", tutorial={"helloNginxImage": "example.test/nginx:1.28"})


def inside(recording: Recording) -> list[Recorded]:
    parent = recording.one("tutorial", ":Tutorial").urn
    return [each for each in recording.resources if each.parent == parent]


def applications(recording: Recording) -> list[dict[str, Any]]:
    """Bookinfo's Services, accounts and Deployments."""
    other = {"tutorial", "hello-nginx", "bookinfo", "bookinfo-gateway"}
    return [each.inputs for each in inside(recording) if each.name not in other]


def test_the_namespace_asks_for_sidecars(dev: Recording) -> None:
    namespace = dev.one("tutorial", ":Namespace").inputs["metadata"]

    assert namespace["name"] == "tutorial"
    assert namespace["labels"]["istio-injection"] == "enabled"


def test_hello_nginx_is_the_deployment_of_the_notes(dev: Recording) -> None:
    deployment = dev.one("hello-nginx", ":Deployment").inputs
    spec, labels = deployment["spec"], {"app": "hello-nginx"}
    (container,) = spec["template"]["spec"]["containers"]

    assert (deployment["metadata"]["name"], deployment["metadata"]["namespace"]) == ("hello-nginx", "tutorial")
    assert spec["replicas"] == 1
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels
    assert [port["containerPort"] for port in container["ports"]] == [80]


def test_hello_nginx_has_the_image_of_the_settings(dev: Recording, chosen: Recording) -> None:
    def image(recording: Recording) -> object:
        return recording.one("hello-nginx").inputs["spec"]["template"]["spec"]["containers"][0]["image"]

    assert (image(dev), image(chosen)) == ("nginx:1.29", "example.test/nginx:1.28")


def test_nothing_else_is_there_when_all_is_switched_off(bare: Recording) -> None:
    assert [each.type for each in inside(bare)] == ["kubernetes:core/v1:Namespace"]


def test_bookinfo_and_hello_nginx_are_switched_apart() -> None:
    without_bookinfo = support.main(tutorial={"bookinfo": False})
    without_nginx = support.main(tutorial={"helloNginx": False})

    assert sorted(each.name for each in inside(without_bookinfo)) == ["hello-nginx", "tutorial"]
    assert "hello-nginx" not in {each.name for each in inside(without_nginx)}
    assert {"tutorial", "productpage-v1", "bookinfo", "bookinfo-gateway"} <= {
        each.name for each in inside(without_nginx)
    }


def test_pods_and_routes_wait_for_the_namespace_and_for_istiod_and_services_for_the_namespace(dev: Recording) -> None:
    namespace = dev.one("tutorial", ":Namespace")
    content = [each for each in inside(dev) if each is not namespace]

    assert len(content) == 6
    for each in content:
        assert after(dev, each, namespace)
    early = [each for each in content if each.inputs["kind"] in {"Service", "ServiceAccount"}]
    assert early
    for each in early:
        assert not after(dev, each, dev.one("istiod")), f"{each.name} needs no sidecar and is made meanwhile"
    for each in (each for each in content if each not in early):
        assert after(dev, each, dev.one("istiod-process")), f"{each.name} would come up without a sidecar or unchecked"
        assert after(dev, each, dev.one("istiod"))


def test_every_object_of_bookinfo_is_in_the_namespace(dev: Recording) -> None:
    routes = [dev.one("bookinfo-gateway").inputs, dev.one("bookinfo", ":VirtualService").inputs]

    assert len(applications(dev)) == 3
    assert {each["metadata"]["namespace"] for each in (*applications(dev), *routes)} == {"tutorial"}


def test_images_come_from_the_hub_of_the_settings(dev: Recording, chosen: Recording) -> None:
    pod = "examples-bookinfo-productpage-v1:1.20.3"

    assert f"docker.io/istio/{pod}" in json.dumps(applications(dev))
    assert f"example.test/mirror/istio/{pod}" in json.dumps(applications(chosen))
    for recording in (dev, chosen):
        assert [each.name for each in recording.resources if "registry.istio.io" in each.plain] == []


def test_nobody_waits_for_the_endpoints_of_bookinfos_services(dev: Recording) -> None:
    services = [each for each in applications(dev) if each["kind"] == "Service"]

    assert services
    assert {each["metadata"]["annotations"]["pulumi.com/skipAwait"] for each in services} == {"true"}


def test_bookinfos_gateway_and_route_are_as_its_manifest_has_them(dev: Recording) -> None:
    gateway, route = dev.one("bookinfo-gateway", ":Gateway").inputs, dev.one("bookinfo", ":VirtualService").inputs

    assert gateway["apiVersion"] == route["apiVersion"] == "networking.istio.io/v1"
    assert gateway["spec"]["servers"][0]["port"]["number"] == 8080
    assert route["spec"]["gateways"] == ["bookinfo-gateway"]
