"""Parts of NetworkPolicies, for clusters that enforce them.

What the kubelet asks is always let in: probes, and `kubectl port-forward`, by which `lab open` reaches a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.core.manifests import Object

Peer = dict[str, Any]
"""Where requests come from or go to, as a NetworkPolicy has it."""

EVERYBODY: Peer = {"namespaceSelector": {}}
"""All Pods of the cluster."""

_METADATA = ("169.254.0.0/16", "168.63.129.16/32")
"""Where a cloud tells a machine its identity and its secrets; the second is Azure's."""

_NAMES_OF_TOOLS = ("app.kubernetes.io/name", "app")
"""Labels of which a tool's Pods have one of their own."""

_NAMES = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
_API_SERVERS = [{"protocol": "TCP", "port": port} for port in (443, 6443, 8443)]
"""By port, since some networks do not count the address of a node as one of a range. Metadata is on other ports."""


def tool(app: str) -> Peer:
    """Return the Pods of a tool in `istio-system`, by their label `app.kubernetes.io/name`."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ISTIO_SYSTEM}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": app}},
    }


def admit(ports: Sequence[int], *peers: Peer) -> dict[str, Any]:
    """Return an ingress rule that lets peers ask ports; without peers, whoever reaches the Pod."""
    rule: dict[str, Any] = {"ports": [{"protocol": "TCP", "port": port} for port in ports]}
    return {**rule, "from": list(peers)} if peers else rule


def guard(workload: Object, *rules: dict[str, Any]) -> Object:
    """Return a NetworkPolicy by which the Pods of a workload are reached by these ingress rules alone."""
    metadata, labels = workload["metadata"], workload["spec"]["template"]["metadata"]["labels"]
    label = next(each for each in _NAMES_OF_TOOLS if each in labels)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {
            "podSelector": {"matchLabels": {label: labels[label]}},
            "policyTypes": ["Ingress"],
            "ingress": list(rules),
        },
    }


def outside_metadata() -> list[dict[str, Any]]:
    """Return egress rules to all Pods, to names' and API servers, and to all addresses but a cloud's metadata."""
    elsewhere = {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_METADATA)}}
    return [{"to": [EVERYBODY]}, {"ports": [*_NAMES, *_API_SERVERS]}, {"to": [elsewhere]}]
