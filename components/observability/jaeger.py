"""Jaeger: Istio's addon; its pages are behind the Service `tracing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import Addon, Content, Page
from components.common.exposure import PRIVATE, Exposure
from components.observability.storage import store
from lab.manifests import Manifest, roll_with

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi import ResourceOptions

    from components.common.addon import Surroundings
    from components.common.volumes import Volumes


_PORTS = {"jaeger-collector-http": "http-jaeger", "jaeger-collector-grpc": "grpc-jaeger"}
"""Istio tells a port's protocol by the beginning of its name, which the addon has at the end."""


@dataclass(frozen=True, kw_only=True)
class JaegerArgs:
    """What Jaeger needs to know.

    Attributes:
        manifest: the pinned addon.
        exposure: who reaches it from outside.
        volumes: None keeps its traces in its Pod.
    """

    manifest: Path
    exposure: Exposure = PRIVATE
    volumes: Volumes | None = None


class Jaeger(Addon):
    """The path of single requests through the mesh."""

    def __init__(self, name: str, args: JaegerArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Jaeger", name, compose(args), surroundings, opts)


def compose(args: JaegerArgs) -> Content:
    """What it consists of."""
    manifest = Manifest(args.manifest)
    deployment = manifest.one("Deployment", "jaeger")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
    if args.volumes:
        # The image runs as this user, to whom a new volume does not belong.
        deployment["spec"]["template"]["spec"]["securityContext"] = {"fsGroup": 10001}
    store(manifest, deployment, "data", args.volumes)
    for port in manifest.one("Service", "jaeger-collector")["spec"]["ports"]:
        port["name"] = _PORTS.get(port["name"], port["name"])
    roll_with(deployment, manifest.one("ConfigMap", "jaeger"))
    args.exposure.apply(manifest.one("Service", "tracing"))
    page = Page(service="tracing", port=80, path="/jaeger") if args.exposure.public else None
    return Content(objects=manifest.objects, page=page)
