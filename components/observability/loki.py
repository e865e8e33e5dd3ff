"""Loki: Istio's addon, as small as a lab can do with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import Addon, Content, Page
from components.common.exposure import PRIVATE, Exposure
from components.observability import loki_configuration
from components.observability.storage import store
from lab import versions
from lab.manifests import Manifest, configuration, merge, named, roll_with

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi import ResourceOptions

    from components.common.addon import Surroundings
    from components.common.volumes import Volumes

_IMAGE = f"docker.io/grafana/loki:{versions.LOKI}"
"""The newest, which the tests run; the addon has an older one of the same configuration."""

_RULES = "loki-sc-rules"
"""A container that looks for rules in every ConfigMap and Secret of the cluster; the lab has no rules for Loki."""

_RULES_VOLUME = "sc-rules-volume"


@dataclass(frozen=True, kw_only=True)
class LokiArgs:
    """What Loki needs to know.

    Attributes:
        manifest: the pinned addon.
        retention: how long lines are kept, such as 48h.
        exposure: who reaches it from outside.
        volumes: None keeps its lines in its Pod.
    """

    manifest: Path
    retention: str
    exposure: Exposure = PRIVATE
    volumes: Volumes | None = None


class Loki(Addon):
    """The logs of all Pods."""

    def __init__(self, name: str, args: LokiArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Loki", name, compose(args), surroundings, opts)


def compose(args: LokiArgs) -> Content:
    """What it consists of."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "loki")
    with configuration(config, "config.yaml") as loki:
        merge(loki, loki_configuration.overlay(retention=args.retention))
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
    args.exposure.apply(manifest.one("Service", "loki"))
    page = Page(service="loki", port=3100) if args.exposure.public else None
    return Content(objects=manifest.objects, page=page)
