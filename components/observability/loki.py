"""Loki: Istio's addon, reduced to what a lab needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common import network
from components.common.addon import Addon, AddonManifests, ToolArgs
from components.common.volumes import store
from components.observability.collector_configuration import COLLECTOR, LABELS
from lab.core import versions
from lab.core.manifests import Manifest, configuration, merge, named, roll_with

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.volumes import Volumes
    from lab.core.manifests import Object

_IMAGE = f"docker.io/grafana/loki:{versions.LOKI}"
"""The version that the tests run; the addon has an older one of the same configuration."""

_PORT = 3100
_FOLDER = "/var/loki"
_RULES = "loki-sc-rules"
"""A container that looks for rules in every ConfigMap and Secret of the cluster; the lab has no rules for Loki."""

_RULES_VOLUME = "sc-rules-volume"


@dataclass(frozen=True, kw_only=True)
class LokiArgs(ToolArgs):
    """Arguments of Loki: its retention (at least 24h); without volumes the lines are kept in the Pod."""

    retention: str
    volumes: Volumes | None = None


class Loki(Addon):
    """Logs of all Pods."""

    def __init__(self, name: str, args: LokiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Loki", name, compose(args), args.context, opts)


def compose(args: LokiArgs) -> AddonManifests:
    """Return its objects."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "loki")
    with configuration(config, "config.yaml") as loki:
        merge(loki, overlay(args.retention))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        manifest.drop(kind, next(each["metadata"]["name"] for each in manifest.objects if each["kind"] == kind))

    stateful_set = manifest.one("StatefulSet", "loki")
    # Claims of a StatefulSet cannot be switched off later, and outlive it.
    merge(stateful_set["spec"], {"volumeClaimTemplates": None, "persistentVolumeClaimRetentionPolicy": None})
    pod = stateful_set["spec"]["template"]["spec"]
    container = named(pod["containers"], "loki")
    pod["containers"].remove(named(pod["containers"], _RULES))
    container["image"] = _IMAGE
    container["resources"] = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
    container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != _RULES_VOLUME]
    pod["volumes"] = [each for each in pod["volumes"] if each["name"] != _RULES_VOLUME]
    pod["automountServiceAccountToken"] = False
    store(manifest, stateful_set, "storage", args.volumes)
    roll_with(stateful_set, config)
    endpoint = args.exposure.publish(manifest.one("Service", "loki"), port=_PORT)
    collector = {"podSelector": {"matchLabels": {"app": COLLECTOR}}}
    guard = network.guard(
        stateful_set,
        network.admit([_PORT], network.tool("grafana"), network.tool("prometheus"), collector),
        *([network.admit([_PORT])] if args.exposure.public else []),
    )
    return AddonManifests(objects=[*manifest.objects, guard], endpoint=endpoint)


def overlay(retention: str) -> Object:
    """Return the changes to the addon's configuration."""
    labels = list(LABELS)
    return {
        # A single Loki: without this it looks for other members before it starts.
        "common": {
            "instance_addr": "localhost",
            "compactor_grpc_address": None,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
        "memberlist": None,
        "compactor": {
            "working_directory": f"{_FOLDER}/compactor",
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "limits_config": {
            "retention_period": retention,
            "reject_old_samples_max_age": retention,
            # By default Loki makes labels of seventeen OpenTelemetry attributes and of the service name.
            "otlp_config": {
                "resource_attributes": {
                    "ignore_defaults": True,
                    "attributes_config": [{"action": "index_label", "attributes": labels}],
                }
            },
            "discover_service_name": [],
        },
        "analytics": {"reporting_enabled": False},
    }
