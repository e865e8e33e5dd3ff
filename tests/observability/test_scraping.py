"""The lab's Prometheus, as it stands in the embedded cluster, finds there what it should and names it as it should."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.observability import containers
from tests.observability.containers import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

_PATIENCE = 30.0
_JOBS = {
    "kubernetes-api-servers",
    "kubernetes-nodes",
    "kubernetes-nodes-cadvisor",
    "kubernetes-pods",
    "kubernetes-service-endpoints",
}
_ACCOUNT = "system:serviceaccount:istio-system:prometheus"


@dataclass(frozen=True)
class Target:
    """What Prometheus scrapes: from where, and under which labels."""

    url: str
    labels: dict[str, str]

    @property
    def place(self) -> tuple[int | None, str]:
        parts = urlsplit(self.url)
        return parts.port, parts.path


Targets = dict[str, list[Target]]


@pytest.fixture(scope="module")
def targets(standing: Laboratory, tmp_path_factory: pytest.TempPathFactory, _own_files: None) -> Iterator[Targets]:
    objects = containers.of_cluster(standing)
    root = tmp_path_factory.mktemp("scraping") / "prometheus"
    prometheus = Container.of(objects, "Deployment/prometheus", "prometheus-server", root=root).in_cluster(standing)
    address = f"{prometheus.address}:9090"
    with prometheus.run("prometheus", f"--web.listen-address={address}", ready="9090/-/ready"):
        yield _found(f"http://{address}/api/v1/targets?state=active")


def _found(url: str) -> Targets:
    """The targets of each job, as soon as every job has some."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the test's own Prometheus
            active = json.load(answer)["data"]["activeTargets"]
        jobs: Targets = {}
        for each in active:
            jobs.setdefault(each["scrapePool"], []).append(Target(each["scrapeUrl"], each["labels"]))
        if jobs.keys() >= _JOBS or time.monotonic() > deadline:
            return jobs
        time.sleep(0.5)


def names(objects: list[dict[str, Any]]) -> set[str]:
    return {each["metadata"]["name"] for each in objects}


def test_the_api_server_is_a_target(targets: Targets) -> None:
    (server,) = targets["kubernetes-api-servers"]
    assert server.url.startswith("https://")
    assert server.place[1] == "/metrics"


@pytest.mark.parametrize("what", ["/metrics", "nodes/metrics"])
def test_the_api_server_and_the_kubelets_would_answer_its_account(standing: Laboratory, what: str) -> None:
    standing.kubectl("auth", "can-i", "get", what, f"--as={_ACCOUNT}", "--quiet").succeeded()


@pytest.mark.parametrize(
    ("job", "path"), [("kubernetes-nodes", "/metrics"), ("kubernetes-nodes-cadvisor", "/metrics/cadvisor")]
)
def test_every_node_is_a_target_by_its_name(standing: Laboratory, targets: Targets, job: str, path: str) -> None:
    nodes = standing.get("nodes")["items"]
    assert {target.labels["instance"] for target in targets[job]} == names(nodes)
    assert {urlsplit(target.url).path for target in targets[job]} == {path}
    assert {target.labels["topology_kubernetes_io_zone"] for target in targets[job]} == {
        node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes
    }


def test_every_sidecar_is_scraped_where_it_merges_its_applications_metrics(
    standing: Laboratory, targets: Targets
) -> None:
    pods = standing.get("pods", "-n", "tutorial")["items"]
    sidecars = {
        target.labels["pod"]: target
        for target in targets["kubernetes-pods"]
        if target.labels["namespace"] == "tutorial"
    }
    assert sidecars.keys() == names(pods)
    for pod in pods:
        target = sidecars[pod["metadata"]["name"]]
        assert target.url == f"http://{pod['status']['podIP']}:15020/stats/prometheus"
        assert target.labels["app"] == pod["metadata"]["labels"]["app"]
        assert target.labels["node"] == pod["spec"]["nodeName"]


def test_the_gateways_and_istiod_are_scraped(targets: Targets) -> None:
    of_mesh = {
        target.labels["app"]: target.place
        for target in targets["kubernetes-pods"]
        if target.labels["namespace"] == "istio-system"
    }
    assert of_mesh["istiod"] == (15014, "/metrics")
    assert of_mesh["istio-ingressgateway"] == (15020, "/stats/prometheus")
    assert of_mesh["istio-egressgateway"] == (15020, "/stats/prometheus")


def test_kubernetes_objects_and_nodes_are_told_by_their_exporters(standing: Laboratory, targets: Targets) -> None:
    endpoints = targets["kubernetes-service-endpoints"]
    (objects,) = [target for target in endpoints if target.labels["service"] == "kube-state-metrics"]
    assert objects.place == (8080, "/metrics")
    exporters = [target for target in endpoints if target.labels["service"] == "node-exporter"]
    assert {target.labels["node"] for target in exporters} == names(standing.get("nodes")["items"])
    assert {target.place for target in exporters} == {(9100, "/metrics")}


def test_metrics_speak_of_their_own_namespace_and_app_and_not_of_their_exporters(targets: Targets) -> None:
    (objects,) = [each for each in targets["kubernetes-service-endpoints"] if "state" in each.labels["service"]]
    assert not {"app", "pod", "container"} & objects.labels.keys()


def test_nothing_is_scraped_twice(targets: Targets) -> None:
    urls = [target.url for found in targets.values() for target in found]
    assert sorted(urls) == sorted(set(urls))
