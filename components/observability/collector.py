"""The log collector, which Istio's addons lack: the OpenTelemetry Collector on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import NAMESPACE, Addon, Content
from components.observability import collector_configuration
from components.observability.collector_configuration import HEALTH_PORT, LOGS, NODE_NAME, POD_IP, STORAGE
from lab import versions
from lab.manifests import dump, roll_with

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.addon import Surroundings
    from lab.manifests import Object

_NAME = "log-collector"
_IMAGE = f"docker.io/otel/opentelemetry-collector-k8s:{versions.OPENTELEMETRY_COLLECTOR}"
_LABELS = {"app": _NAME}
_METADATA = {"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS}
_CONFIGURATION = "collector.yaml"


@dataclass(frozen=True, kw_only=True)
class CollectorArgs:
    """What the collector needs to know.

    Attributes:
        loki: URL of Loki's OTLP endpoint.
    """

    loki: str = f"http://loki.{NAMESPACE}.svc:3100/otlp"


class Collector(Addon):
    """Sends the log of every container to Loki."""

    def __init__(self, name: str, args: CollectorArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Collector", name, compose(args), surroundings, opts)


def compose(args: CollectorArgs) -> Content:
    """What it consists of."""
    told = collector_configuration.configuration(name=_NAME, namespace=NAMESPACE, loki=args.loki)
    config_map: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _METADATA,
        "data": {_CONFIGURATION: dump(told)},
    }
    daemon_set: Object = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _METADATA,
        "spec": {"selector": {"matchLabels": _LABELS}, "template": _pod()},
    }
    roll_with(daemon_set, config_map)
    return Content(objects=[*_permissions(), config_map, daemon_set])


def _permissions() -> list[Object]:
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": _NAME, "labels": _LABELS}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _METADATA},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": _NAME},
            "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}],
        },
    ]


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
        # It begins when it knows the Pods: until then it does not answer.
        "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": 60},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            # Container runtimes let only root read what they write; of root's rights it keeps none but that.
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
    # On the node: with an emptyDir, each change of the configuration would send everything once more.
    storage = {"path": f"/var/lib/istio-lab/{_NAME}", "type": "DirectoryOrCreate"}
    return {
        "metadata": {"labels": {**_LABELS, "sidecar.istio.io/inject": "false"}},
        "spec": {
            "serviceAccountName": _NAME,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            # Every node, also those that other Pods are kept off, such as spot nodes.
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [
                {"name": "configuration", "configMap": {"name": _NAME}},
                {"name": "logs", "hostPath": {"path": LOGS}},
                {"name": "storage", "hostPath": storage},
            ],
        },
    }
