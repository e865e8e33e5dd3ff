"""kube-state-metrics: what Kubernetes' objects say of themselves, as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.common.addon import NAMESPACE, Addon, Content
from lab import versions

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.addon import Surroundings

_NAME = "kube-state-metrics"
_IMAGE = f"registry.k8s.io/kube-state-metrics/kube-state-metrics:v{versions.KUBE_STATE_METRICS}"
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS}

_WATCHED = {
    "": ("nodes", "namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims"),
    "apps": ("deployments", "daemonsets", "statefulsets", "replicasets"),
    "batch": ("jobs", "cronjobs"),
    "autoscaling": ("horizontalpodautoscalers",),
}
"""The kinds that the dashboards ask about, by API group; never Secrets and ConfigMaps."""


class KubeStateMetrics(Addon):
    """Metrics of Kubernetes' objects: what dashboard 6417 counts."""

    def __init__(self, name: str, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:KubeStateMetrics", name, compose(), surroundings, opts)


def compose() -> Content:
    """What it consists of."""
    kinds = [kind for group in _WATCHED.values() for kind in group]
    container = {
        "name": _NAME,
        "image": _IMAGE,
        "args": [f"--resources={','.join(sorted(kinds))}"],
        "ports": [{"name": "http-metrics", "containerPort": 8080}, {"name": "telemetry", "containerPort": 8081}],
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "http-metrics"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "telemetry"}},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    # Prometheus takes every port of the Pods unless one is named. A label `app` of the Service would become one of all
    # metrics, whatever Pods they speak of: it has none.
    scrape = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    service = {
        "metadata": {"name": _NAME, "namespace": NAMESPACE, "annotations": scrape},
        "spec": {
            "selector": _LABELS,
            "ports": [{"name": "http-metrics", "port": 8080, "targetPort": "http-metrics"}],
        },
    }
    pod = {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {"serviceAccountName": _NAME, "containers": [container]},
    }
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _NAME}
    return Content(
        objects=[
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _METADATA},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": _NAME, "labels": _LABELS},
                "rules": [
                    {"apiGroups": [group], "resources": list(kinds), "verbs": ["list", "watch"]}
                    for group, kinds in _WATCHED.items()
                ],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": _NAME, "labels": _LABELS},
                "roleRef": role,
                "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}],
            },
            {"apiVersion": "v1", "kind": "Service", **service},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": _METADATA,
                "spec": {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": pod},
            },
        ]
    )
