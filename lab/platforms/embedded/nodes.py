"""The simulated nodes: ordinary Node objects that kwok keeps alive."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from lab.core import versions
from lab.platforms.embedded import metrics_server

_REGION = "koreacentral"
"""The region that AKS would put in the labels; the course is taught in Korea."""


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """The number of nodes, their zones, and the vCPUs and memory (such as `16Gi`) of each."""

    count: int
    zones: int
    cpu: int
    memory: str


def names(spec: NodeSpec) -> list[str]:
    """Return the names of the nodes."""
    return [f"lab-node-{index}" for index in range(spec.count)]


def manifest(spec: NodeSpec) -> str:
    """Build the nodes as a YAML stream.

    Storage is part of the capacity because Pods that ask for `ephemeral-storage` would never be scheduled otherwise;
    110 Pods a node is the kubelet's own default.
    """
    return yaml.safe_dump_all([_node(index, name, spec) for index, name in enumerate(names(spec))])


def _node(index: int, name: str, spec: NodeSpec) -> dict[str, object]:
    capacity = {"cpu": str(spec.cpu), "memory": spec.memory, "ephemeral-storage": "128Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", **metrics_server.node_annotations(name)},
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/role": "agent",
                "node.kubernetes.io/instance-type": "simulated",
                "topology.kubernetes.io/region": _REGION,
                "topology.kubernetes.io/zone": f"{_REGION}-{index % spec.zones + 1}",
                "type": "kwok",
            },
        },
        "spec": {"podCIDR": f"10.{240 + index // 256}.{index % 256}.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"192.0.2.{index + 1}"}],
            "allocatable": capacity,
            "capacity": capacity,
            "nodeInfo": {
                "architecture": "amd64",
                "kubeletVersion": f"v{versions.KUBERNETES}",
                "operatingSystem": "linux",
                "osImage": "simulated",
            },
        },
    }
