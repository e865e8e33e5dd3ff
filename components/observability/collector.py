"""The log collector, missing from Istio's addons: the OpenTelemetry Collector on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import Addon, AddonArgs, AddonManifests
from components.common.objects import CONFINED, account_with_rules
from components.observability import collector_configuration
from components.observability.collector_configuration import COLLECTOR, HEALTH_PORT, LOGS, NODE_NAME, POD_IP, STORAGE
from lab.core import versions
from lab.core.manifests import dump, roll_with
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from lab.core.manifests import Object

_NAME = COLLECTOR
_IMAGE = f"docker.io/otel/opentelemetry-collector-k8s:{versions.OPENTELEMETRY_COLLECTOR}"
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": ISTIO_SYSTEM, "labels": _LABELS}
_CONFIGURATION = "collector.yaml"
_RULE: Object = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}


@dataclass(frozen=True, kw_only=True)
class CollectorArgs(AddonArgs):
    """Arguments of the collector, with the URL of Loki's OTLP endpoint."""

    loki: str = f"http://loki.{ISTIO_SYSTEM}.svc:3100/otlp"


class Collector(Addon):
    """Sends the log of every container to Loki."""

    def __init__(self, name: str, args: CollectorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Collector", name, compose(args), args.context, opts)


def compose(args: CollectorArgs) -> AddonManifests:
    """Return its objects."""
    settings = collector_configuration.configuration(name=_NAME, namespace=ISTIO_SYSTEM, loki=args.loki)
    config_map: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _METADATA,
        "data": {_CONFIGURATION: dump(settings)},
    }
    daemon_set: Object = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _METADATA,
        "spec": {"selector": {"matchLabels": _LABELS}, "template": _pod()},
    }
    roll_with(daemon_set, config_map)
    return AddonManifests(objects=[*account_with_rules(_NAME, ISTIO_SYSTEM, _LABELS, [_RULE]), config_map, daemon_set])


def _pod() -> Object:
    probe = {"httpGet": {"path": "/", "port": "health"}}
    container = {
        "name": _NAME,
        "image": _IMAGE,
        "args": [f"--config=/etc/otelcol/{_CONFIGURATION}"],
        "env": [
            {"name": POD_IP, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": NODE_NAME, "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "ports": [{"name": "health", "containerPort": HEALTH_PORT}],
        # It answers only once it knows the Pods.
        "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": 60},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            **CONFINED,
            # Only root may read the log files; it keeps no other capability of root.
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/otelcol", "readOnly": True},
            {"name": "logs", "mountPath": LOGS, "readOnly": True},
            {"name": "storage", "mountPath": STORAGE},
        ],
    }
    # On the node: with an emptyDir, each configuration change would send everything again.
    storage = {"path": f"/var/lib/istio-lab/{_NAME}", "type": "DirectoryOrCreate"}
    return {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {
            "serviceAccountName": _NAME,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            # Every node, tainted ones such as spot nodes included.
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [
                {"name": "configuration", "configMap": {"name": _NAME}},
                {"name": "logs", "hostPath": {"path": LOGS}},
                {"name": "storage", "hostPath": storage},
            ],
        },
    }
