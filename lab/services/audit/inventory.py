"""What a cluster has that a lab could leave behind: names and identities, never contents."""

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
"""Kinds without a namespace, by their names as kubectl asks for them."""

_IN_NAMESPACES = "services,serviceaccounts,deployments,daemonsets,statefulsets,roles,rolebindings"
_EVERYBODYS = ("default", "kube-system")
"""Namespaces that every cluster has, and in which the lab has something too."""

_PUBLISHED = "istio.io/config=true"
"""The label of what istiod puts into every namespace."""

_LINE = (
    '{range .items[*]}{.kind}{"\\t"}{.metadata.namespace}{"\\t"}{.metadata.name}{"\\t"}{.metadata.uid}{"\\t"}'
    '{.metadata.labels.kube-aggregator\\.kubernetes\\.io/automanaged}{"\\n"}{end}'
)


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What a cluster has.

    Attributes:
        cluster: the same for as long as the cluster lives.
        objects: the identity of each object, by its kind, namespace and name.
    """

    cluster: str
    objects: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What is not as it was, by kind, namespace and name.

    Attributes:
        added: what was not there.
        replaced: what was deleted and made anew under its name.
        missing: what is gone.
    """

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    missing: tuple[str, ...]


def take(chosen: Kubeconfig) -> Inventory:
    """Look at a cluster.

    Args:
        chosen: which one.

    Raises:
        LabError: it is not there, or does not answer.
    """
    with cluster.written(cluster.read(chosen.file, chosen.context)) as file:

        def listed(*words: str) -> str:
            return kubectl.run(file, "get", *words, "-o", f"jsonpath={_LINE}", "--request-timeout=60s")

        everywhere = listed(",".join(CLUSTERWIDE.values()))
        inside = listed(_IN_NAMESPACES, "-A") + listed("configmaps", "-A", f"--selector={_PUBLISHED}")
        identity = kubectl.run(file, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    return Inventory(cluster=identity, objects=parse(everywhere + inside))


def runs_containers(chosen: Kubeconfig) -> bool:
    """Whether Pods really ran there, and so could leave files on nodes.

    Raises:
        LabError: the cluster is not there, or does not answer.
    """
    with cluster.written(cluster.read(chosen.file, chosen.context)) as file:
        return cluster.runs_containers(json.loads(kubectl.run(file, "get", "nodes", "-o", "json"))["items"])


def parse(lines: str) -> dict[str, str]:
    """What kubectl listed, without what every cluster's own controllers make and change.

    Args:
        lines: kind, namespace, name, identity, and who manages an APIService, with tabs between them.
    """
    found = {}
    for line in lines.splitlines():
        kind, namespace, name, identity, automanaged = line.split("\t")
        # The API server registers a group for each CRD, and makes its own roles anew when it is upgraded.
        if automanaged or name.startswith("system:"):
            continue
        if namespace and kind != "ConfigMap" and namespace not in _EVERYBODYS:
            continue
        found[f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"] = identity
    return found


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> Difference:
    """Hold what there is against what there was."""
    return Difference(
        added=tuple(sorted(now.keys() - before.keys())),
        replaced=tuple(sorted(key for key in now.keys() & before.keys() if now[key] != before[key])),
        missing=tuple(sorted(before.keys() - now.keys())),
    )
