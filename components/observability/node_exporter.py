"""node-exporter: what the nodes' kernels say, as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.common.addon import NAMESPACE, Addon, Content
from lab import versions

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.addon import Surroundings

_NAME = "node-exporter"
_IMAGE = f"quay.io/prometheus/node-exporter:v{versions.NODE_EXPORTER}"
_PORT = 9100
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS}


class NodeExporter(Addon):
    """Metrics of every node: file systems, memory, processors."""

    def __init__(self, name: str, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:NodeExporter", name, compose(), surroundings, opts)


def compose() -> Content:
    """What it consists of."""
    container = {
        "name": _NAME,
        "image": _IMAGE,
        "args": ["--path.rootfs=/host", f"--web.listen-address=$(HOST_IP):{_PORT}"],
        "env": [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}],
        "ports": [{"name": "http-metrics", "containerPort": _PORT, "hostPort": _PORT}],
        "volumeMounts": [
            {"name": "host", "mountPath": "/host", "readOnly": True, "mountPropagation": "HostToContainer"}
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {
            # Without these two it would measure its own container's network and processes instead of the node's.
            "hostNetwork": True,
            "hostPID": True,
            "automountServiceAccountToken": False,
            # Every node, also those that other Pods are kept off, such as spot nodes.
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "containers": [container],
            "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        },
    }
    return Content(
        objects=[
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": _NAME, "namespace": NAMESPACE, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {
                    "clusterIP": "None",
                    "selector": _LABELS,
                    "ports": [{"name": "http-metrics", "port": _PORT, "targetPort": "http-metrics"}],
                },
            },
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": _METADATA,
                "spec": {"selector": {"matchLabels": _LABELS}, "template": pod},
            },
        ]
    )
