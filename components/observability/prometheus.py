"""Prometheus: Istio's addon, with what the course's dashboards need of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import Addon, Content, Page
from components.common.exposure import PRIVATE, Exposure
from components.observability import prometheus_rules
from components.observability.storage import store
from lab.manifests import Manifest, configuration, dump, named

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi import ResourceOptions

    from components.common.addon import Surroundings
    from components.common.volumes import Volumes

_RETENTION = "--storage.tsdb.retention.time="


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """What Prometheus needs to know.

    Attributes:
        manifest: the pinned addon.
        retention: how long samples are kept, such as 48h.
        exposure: who reaches it from outside.
        volumes: None keeps its samples in its Pod.
    """

    manifest: Path
    retention: str
    exposure: Exposure = PRIVATE
    volumes: Volumes | None = None


class Prometheus(Addon):
    """Metrics of the mesh, of Kubernetes' objects and of the nodes."""

    def __init__(self, name: str, args: PrometheusArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Prometheus", name, compose(args), surroundings, opts)


def compose(args: PrometheusArgs) -> Content:
    """What it consists of."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "prometheus")
    with configuration(config, "prometheus.yml") as prometheus:
        cadvisor = next(job for job in prometheus["scrape_configs"] if job["job_name"] == "kubernetes-nodes-cadvisor")
        cadvisor["metric_relabel_configs"] = prometheus_rules.cadvisor_relabelings()
    config["data"]["recording_rules.yml"] = dump(prometheus_rules.recording_rules())

    deployment = manifest.one("Deployment", "prometheus")
    server = named(deployment["spec"]["template"]["spec"]["containers"], "prometheus-server")
    kept = [argument for argument in server["args"] if not argument.startswith(_RETENTION)]
    server["args"] = [f"{_RETENTION}{args.retention}", *kept]
    server["resources"] = {"requests": {"cpu": "100m", "memory": "400Mi"}, "limits": {"memory": "2Gi"}}
    store(manifest, deployment, "storage-volume", args.volumes)
    args.exposure.apply(manifest.one("Service", "prometheus"))
    page = Page(service="prometheus", port=9090) if args.exposure.public else None
    return Content(objects=manifest.objects, page=page)
