"""Inventory of a cluster: names and identities of objects that a lab could leave, never contents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters import kubectl
from lab.platforms import kubeconfig as cluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings.groups import Kubeconfig

CLUSTERWIDE = {
    "Namespace": "namespaces",
    "CustomResourceDefinition": "customresourcedefinitions",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    "APIService": "apiservices",
    "PriorityClass": "priorityclasses",
    "StorageClass": "storageclasses",
    "PersistentVolume": "persistentvolumes",
}
"""Kinds without a namespace -> their resource names."""

_IN_NAMESPACES = "services,serviceaccounts,deployments,daemonsets,statefulsets,roles,rolebindings"
_SHARED_NAMESPACES = ("default", "kube-system")
"""Namespaces of every cluster in which the lab has objects too."""

_PUBLISHED = "istio.io/config=true"
"""Label of the ConfigMaps that istiod creates in every namespace."""

_LINE = (
    '{range .items[*]}{.kind}{"\\t"}{.metadata.namespace}{"\\t"}{.metadata.name}{"\\t"}{.metadata.uid}{"\\t"}'
    '{.metadata.labels.kube-aggregator\\.kubernetes\\.io/automanaged}{"\\n"}{end}'
)


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Object UIDs by kind, namespace and name; `cluster` is the UID of kube-system."""

    cluster: str
    objects: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Changed objects by kind, namespace and name; `replaced` have another UID."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def take(chosen: Kubeconfig) -> Inventory:
    """Take the inventory of a cluster."""
    with cluster.written(cluster.read(chosen.file, chosen.context)) as file:

        def listed(*words: str) -> str:
            return kubectl.run(file, "get", *words, "-o", f"jsonpath={_LINE}", "--request-timeout=60s")

        everywhere = listed(",".join(CLUSTERWIDE.values()))
        inside = listed(_IN_NAMESPACES, "-A") + listed("configmaps", "-A", f"--selector={_PUBLISHED}")
        identity = kubectl.run(file, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    return Inventory(cluster=identity, objects=parse(everywhere + inside))


def runs_containers(chosen: Kubeconfig) -> bool:
    """Whether the cluster runs containers, which can leave files on nodes."""
    with cluster.written(cluster.read(chosen.file, chosen.context)) as file:
        return cluster.runs_containers(json.loads(kubectl.run(file, "get", "nodes", "-o", "json"))["items"])


def parse(lines: str) -> dict[str, str]:
    """Parse kubectl's lines (see `_LINE`), without what the cluster's own controllers create."""
    found = {}
    for line in lines.splitlines():
        kind, namespace, name, identity, automanaged = line.split("\t")
        # The API server registers a group for each CRD, and replaces its own roles when it is upgraded.
        if automanaged or name.startswith("system:"):
            continue
        if namespace and kind != "ConfigMap" and namespace not in _SHARED_NAMESPACES:
            continue
        found[f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"] = identity
    return found


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> Difference:
    """Compare two inventories."""
    return Difference(
        added=tuple(sorted(now.keys() - before.keys())),
        replaced=tuple(sorted(key for key in now.keys() & before.keys() if now[key] != before[key])),
        missing=tuple(sorted(before.keys() - now.keys())),
    )
