"""Jaeger: Istio's addon; its pages are behind the Service `tracing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common import network
from components.common.addon import Addon, AddonManifests, ToolArgs
from components.common.volumes import store
from lab.core.manifests import Manifest, roll_with

if TYPE_CHECKING:
    from pulumi import ResourceOptions

    from components.common.volumes import Volumes

_PAGES, _COLLECTORS, _METRICS = (16686, 16685), (4317, 4318, 9411, 14250, 14268), 8888
"""Ports of its Pod."""

_PORTS = {"jaeger-collector-http": "http-jaeger", "jaeger-collector-grpc": "grpc-jaeger"}
"""Istio reads a port's protocol from the beginning of its name; the addon has it at the end."""


@dataclass(frozen=True, kw_only=True)
class JaegerArgs(ToolArgs):
    """Arguments of Jaeger; without volumes the traces are kept in the Pod."""

    volumes: Volumes | None = None


class Jaeger(Addon):
    """Traces of single requests through the mesh."""

    def __init__(self, name: str, args: JaegerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Jaeger", name, compose(args), args.context, opts)


def compose(args: JaegerArgs) -> AddonManifests:
    """Return its objects."""
    manifest = Manifest(args.manifest)
    deployment = manifest.one("Deployment", "jaeger")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
    if args.volumes:
        # The user that the image runs as, who does not own a new volume.
        deployment["spec"]["template"]["spec"]["securityContext"] = {"fsGroup": 10001}
    store(manifest, deployment, "data", args.volumes)
    for port in manifest.one("Service", "jaeger-collector")["spec"]["ports"]:
        port["name"] = _PORTS.get(port["name"], port["name"])
    roll_with(deployment, manifest.one("ConfigMap", "jaeger"))
    endpoint = args.exposure.publish(manifest.one("Service", "tracing"), port=80, path="/jaeger")
    guard = network.guard(
        deployment,
        network.admit(_PAGES, network.tool("grafana"), network.tool("kiali")),
        network.admit([_METRICS], network.tool("prometheus")),
        # Proxies send their spans from every namespace.
        network.admit(_COLLECTORS, network.EVERYBODY),
        *([network.admit(_PAGES[:1])] if args.exposure.public else []),
    )
    return AddonManifests(objects=[*manifest.objects, guard], endpoint=endpoint)
