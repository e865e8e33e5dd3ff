"""The simulated nodes look like nodes of a cloud to the scheduler and to people."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.core import versions
from lab.platforms.embedded import nodes
from lab.platforms.embedded.nodes import NodeSpec


def made(count: int = 3, zones: int = 3, cpu: int = 4, memory: str = "16Gi") -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(nodes.manifest(NodeSpec(count=count, zones=zones, cpu=cpu, memory=memory))))


def label(node: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - of YAML
    return node["metadata"]["labels"][name]


@pytest.mark.parametrize("count", [1, 3, 50])
def test_there_are_as_many_as_asked_for_and_no_two_are_alike(count: int) -> None:
    found = made(count=count, zones=1)

    assert len({node["metadata"]["name"] for node in found}) == count
    assert len({node["spec"]["podCIDR"] for node in found}) == count
    assert len({node["status"]["addresses"][0]["address"] for node in found}) == count


def test_names_stay_when_there_are_more_of_them() -> None:
    few, many = made(count=2, zones=1), made(count=5, zones=1)

    assert few == many[:2], "a changed number of nodes must not move the Pods on the others"


def test_the_nodes_are_spread_over_the_zones() -> None:
    zones = [label(node, "topology.kubernetes.io/zone") for node in made(count=5, zones=2)]

    assert len(set(zones)) == 2
    assert sorted(zones.count(zone) for zone in set(zones)) == [2, 3]


def test_a_zone_lies_in_its_region() -> None:
    for node in made():
        region = label(node, "topology.kubernetes.io/region")
        assert label(node, "topology.kubernetes.io/zone").startswith(f"{region}-")


def test_a_node_offers_what_the_settings_say_and_storage_as_well() -> None:
    for node in made(cpu=8, memory="32Gi"):
        capacity = node["status"]["capacity"]
        assert (capacity["cpu"], capacity["memory"]) == ("8", "32Gi")
        assert capacity["ephemeral-storage"], "Pods that ask for some would never be scheduled"
        assert int(capacity["pods"]) == 110
        assert node["status"]["allocatable"] == capacity


def test_kwok_takes_the_nodes_for_its_own() -> None:
    assert {node["metadata"]["annotations"]["kwok.x-k8s.io/node"] for node in made()} == {"fake"}


def test_a_node_is_called_by_its_host_name() -> None:
    assert [label(node, "kubernetes.io/hostname") for node in made()] == [node["metadata"]["name"] for node in made()]


def test_the_nodes_say_the_version_of_the_control_plane() -> None:
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in made()} == {f"v{versions.KUBERNETES}"}


def test_people_see_that_the_nodes_are_simulated() -> None:
    assert {label(node, "node.kubernetes.io/instance-type") for node in made()} == {"simulated"}


def test_no_address_is_anybodys_real_one() -> None:
    for node in made(count=50, zones=5):
        assert ip_address(node["status"]["addresses"][0]["address"]) in ip_network("192.0.2.0/24")


def test_the_networks_of_pods_do_not_overlap() -> None:
    networks = [ip_network(node["spec"]["podCIDR"]) for node in made(count=50, zones=5)]

    assert not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[:i])
    assert all(network.is_private for network in networks)


def test_metrics_server_asks_for_each_node_where_kwok_answers() -> None:
    usage = Path(nodes.__file__).with_name("kwok.yaml").read_text(encoding="utf-8")
    [metric] = [each for each in yaml.safe_load_all(usage) if each["kind"] == "Metric"]

    for node in made():
        path = node["metadata"]["annotations"]["metrics.k8s.io/resource-metrics-path"]
        assert path == metric["spec"]["path"].replace("{nodeName}", node["metadata"]["name"])
