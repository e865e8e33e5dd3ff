"""node-exporter: metrics of the nodes' kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.common.addon import Addon, AddonArgs, AddonManifests
from components.common.objects import CONFINED_AS_NOBODY
from lab.core import versions
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from pulumi import ResourceOptions

_NAME = "node-exporter"
_IMAGE = f"quay.io/prometheus/node-exporter:v{versions.NODE_EXPORTER}"
_PORT = 9100
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": ISTIO_SYSTEM, "labels": _LABELS}


class NodeExporter(Addon):
    """Metrics of every node: file systems, memory, processors."""

    def __init__(self, name: str, args: AddonArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:NodeExporter", name, compose(), args.context, opts)


def compose() -> AddonManifests:
    """Return its objects."""
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
        "securityContext": CONFINED_AS_NOBODY,
    }
    pod = {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {
            # Otherwise it would measure its own container's network and processes.
            "hostNetwork": True,
            "hostPID": True,
            "automountServiceAccountToken": False,
            # Every node, tainted ones such as spot nodes included.
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
            "containers": [container],
            "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        },
    }
    return AddonManifests(
        objects=[
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": _NAME, "namespace": ISTIO_SYSTEM, "annotations": {"prometheus.io/scrape": "true"}},
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
