"""Quotas and limits of a student's namespace: all that costs money, fills a disk or fills the API server's store."""

from __future__ import annotations

from typing import Any

_CPU_OF_A_POD, _MEMORY_OF_A_POD, _DISK_OF_A_POD = 3, 1536, 3
"""Limits of a Pod in cores, MiB and GiB, for the sums: an application of the course with its sidecar."""

_DISK_ASKED_FOR = 256
"""MiB of disk that a Pod requests, for the sum."""

_CONTAINER = {
    "type": "Container",
    # For containers without any; a ResourceQuota refuses Pods that set none.
    "default": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
    "defaultRequest": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "32Mi"},
    # The sidecar has limits of two cores and 1Gi.
    "max": {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "4Gi"},
}
_POD = {"type": "Pod", "max": {"cpu": "6", "memory": "6Gi", "ephemeral-storage": "8Gi"}}

_FORBIDDEN = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""LoadBalancers cost money, NodePorts open a port on every node."""

_OBJECTS = {
    "configmaps": 30,
    "secrets": 30,
    "services": 30,
    "persistentvolumeclaims": 5,
    "count/serviceaccounts": 30,
    "count/deployments.apps": 30,
    # A Deployment keeps ten.
    "count/replicasets.apps": 300,
    "count/statefulsets.apps": 10,
    "count/jobs.batch": 30,
    "count/cronjobs.batch": 10,
    "count/horizontalpodautoscalers.autoscaling": 20,
}
"""Numbers of objects, several times those of the course. A ConfigMap or a Secret may be 1 MiB."""

_CUSTOM_OBJECTS = {
    "rollouts.argoproj.io": 20,
    "experiments.argoproj.io": 20,
    "analysistemplates.argoproj.io": 30,
    # A Rollout keeps ten.
    "analysisruns.argoproj.io": 200,
    "virtualservices.networking.istio.io": 40,
    "destinationrules.networking.istio.io": 40,
    "serviceentries.networking.istio.io": 20,
    "authorizationpolicies.security.istio.io": 40,
    "peerauthentications.security.istio.io": 20,
    "requestauthentications.security.istio.io": 20,
    "telemetries.telemetry.istio.io": 20,
}

_PRIORITIES = ("system-node-critical", "system-cluster-critical")
"""Classes of every cluster, whose Pods displace others."""


def hard(*, cpu: int, memory: str, pods: int, storage: str) -> dict[str, str]:
    """Return the quota of a namespace: requests of its Pods, their number, and storage of its claims."""
    return {
        "requests.cpu": str(cpu),
        "requests.memory": memory,
        "requests.ephemeral-storage": f"{pods * _DISK_ASKED_FOR}Mi",
        "limits.cpu": str(pods * _CPU_OF_A_POD),
        "limits.memory": f"{pods * _MEMORY_OF_A_POD}Mi",
        "limits.ephemeral-storage": f"{pods * _DISK_OF_A_POD}Gi",
        "pods": str(pods),
        # Those that are done count too.
        "count/pods": str(pods * 3),
        "requests.storage": storage,
        **{name: str(count) for name, count in _OBJECTS.items()},
        **_FORBIDDEN,
    }


def custom_objects() -> dict[str, str]:
    """Return the quota of objects of Istio and Argo Rollouts."""
    return {f"count/{name}": str(count) for name, count in _CUSTOM_OBJECTS.items()}


def priorities() -> dict[str, Any]:
    """Return the spec of a quota that admits no Pod of the system's priority classes."""
    scope = {"scopeName": "PriorityClass", "operator": "In", "values": list(_PRIORITIES)}
    return {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [scope]}}


def limits(*, storage: str) -> list[dict[str, Any]]:
    """Return the limits of a LimitRange: of each container, Pod and claim."""
    return [_CONTAINER, _POD, {"type": "PersistentVolumeClaim", "max": {"storage": storage}}]
