"""Prometheus: Istio's addon, with the rules and labels that the course's dashboards need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common import network
from components.common.addon import Addon, AddonManifests, ToolArgs
from components.common.volumes import store
from components.observability import prometheus_rules
from lab.core import versions
from lab.core.manifests import Manifest, configuration, dump, named
from lab.core.namespaces import ARGO_ROLLOUTS

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.volumes import Volumes

_IMAGE = f"docker.io/prom/prometheus:v{versions.PROMETHEUS}"
_PORT = 9090
_RETENTION = "--storage.tsdb.retention.time="


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs(ToolArgs):
    """Arguments of Prometheus: its retention, such as 48h; without volumes the samples are kept in the Pod."""

    retention: str
    volumes: Volumes | None = None


class Prometheus(Addon):
    """Metrics of the mesh, of Kubernetes objects and of the nodes."""

    def __init__(self, name: str, args: PrometheusArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Prometheus", name, compose(args), args.context, opts)


def compose(args: PrometheusArgs) -> AddonManifests:
    """Return its objects."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "prometheus")
    with configuration(config, "prometheus.yml") as prometheus:
        cadvisor = next(job for job in prometheus["scrape_configs"] if job["job_name"] == "kubernetes-nodes-cadvisor")
        cadvisor["metric_relabel_configs"] = prometheus_rules.cadvisor_relabelings()
    config["data"]["recording_rules.yml"] = dump(prometheus_rules.recording_rules())

    deployment = manifest.one("Deployment", "prometheus")
    server = named(deployment["spec"]["template"]["spec"]["containers"], "prometheus-server")
    server["image"] = _IMAGE
    kept = [argument for argument in server["args"] if not argument.startswith(_RETENTION)]
    server["args"] = [f"{_RETENTION}{args.retention}", *kept]
    server["resources"] = {"requests": {"cpu": "100m", "memory": "400Mi"}, "limits": {"memory": "2Gi"}}
    store(manifest, deployment, "storage-volume", args.volumes)
    endpoint = args.exposure.publish(manifest.one("Service", "prometheus"), port=_PORT)
    # Analyses are asked from the namespace of the controller.
    rollouts = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ARGO_ROLLOUTS}}}
    asked = network.admit([_PORT], network.tool("grafana"), network.tool("kiali"), rollouts)
    public = [network.admit([_PORT])] if args.exposure.public else []
    guard = network.guard(deployment, asked, *public)
    return AddonManifests(objects=[*manifest.objects, guard], endpoint=endpoint)
