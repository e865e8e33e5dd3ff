"""kube-state-metrics: metrics of Kubernetes objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.common import network
from components.common.addon import Addon, AddonArgs, AddonManifests
from components.common.objects import CONFINED_AS_NOBODY, account_with_rules
from lab.core import versions
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from pulumi import ResourceOptions

_NAME = "kube-state-metrics"
_IMAGE = f"registry.k8s.io/kube-state-metrics/kube-state-metrics:v{versions.KUBE_STATE_METRICS}"
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": ISTIO_SYSTEM, "labels": _LABELS}

_WATCHED = {
    "": ("nodes", "namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims"),
    "apps": ("deployments", "daemonsets", "statefulsets", "replicasets"),
    "batch": ("jobs", "cronjobs"),
    "autoscaling": ("horizontalpodautoscalers",),
}
"""The kinds that the dashboards query, by API group; never Secrets and ConfigMaps."""


class KubeStateMetrics(Addon):
    """Metrics of Kubernetes objects, as dashboard 6417 counts them."""

    def __init__(self, name: str, args: AddonArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:KubeStateMetrics", name, compose(), args.context, opts)


def compose() -> AddonManifests:
    """Return its objects."""
    kinds = [kind for group in _WATCHED.values() for kind in group]
    container = {
        "name": _NAME,
        "image": _IMAGE,
        "args": [f"--resources={','.join(sorted(kinds))}"],
        "ports": [{"name": "http-metrics", "containerPort": 8080}, {"name": "telemetry", "containerPort": 8081}],
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "http-metrics"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "telemetry"}},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": CONFINED_AS_NOBODY,
    }
    # Prometheus scrapes every port of the Pods unless one is named. A label `app` of the Service would be put on all
    # metrics, whichever Pods they describe.
    scrape = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    service = {
        "metadata": {"name": _NAME, "namespace": ISTIO_SYSTEM, "annotations": scrape},
        "spec": {"selector": _LABELS, "ports": [{"name": "http-metrics", "port": 8080, "targetPort": "http-metrics"}]},
    }
    pod = {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {"serviceAccountName": _NAME, "containers": [container]},
    }
    rules = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": ["list", "watch"]}
        for group, kinds in _WATCHED.items()
    ]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _METADATA,
        "spec": {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": pod},
    }
    return AddonManifests(
        objects=[
            *account_with_rules(_NAME, ISTIO_SYSTEM, _LABELS, rules),
            {"apiVersion": "v1", "kind": "Service", **service},
            deployment,
            network.guard(deployment, network.admit([8080], network.tool("prometheus"))),
        ]
    )
