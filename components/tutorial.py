"""The namespace `tutorial` of the course: sidecar injection on `hello-nginx`, then Bookinfo behind its gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.manifest import resource
from lab import manifests

if TYPE_CHECKING:
    from pathlib import Path

    from components.mesh.istio import Istio

NAMESPACE = "tutorial"

_RETIRED_HUB = "registry.istio.io/release"
"""The hub in Bookinfo's manifest: switched off in December 2026."""


@dataclass(frozen=True, kw_only=True)
class BookinfoArgs:
    """Where Bookinfo comes from.

    Attributes:
        applications: the pinned `bookinfo.yaml`.
        gateway: the pinned `bookinfo-gateway.yaml`.
        hub: image repository prefix of its images.
    """

    applications: Path
    gateway: Path
    hub: str


@dataclass(frozen=True, kw_only=True)
class TutorialArgs:
    """What the namespace holds.

    Attributes:
        hello_nginx_image: image of the injection exercise; None leaves it out.
        bookinfo: None leaves Bookinfo out.
    """

    hello_nginx_image: str | None
    bookinfo: BookinfoArgs | None


class Tutorial(pulumi.ComponentResource):
    """The namespace `tutorial`, labelled so that istiod injects a sidecar into every Pod.

    Attributes:
        namespace: what is put there must wait for it.
    """

    namespace: k8s.core.v1.Namespace

    def __init__(self, name: str, args: TutorialArgs, istio: Istio, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:tutorial:Tutorial", name, None, opts)
        self.namespace = k8s.core.v1.Namespace(
            NAMESPACE,
            metadata={"name": NAMESPACE, "labels": {"istio-injection": "enabled"}},
            opts=ResourceOptions(parent=self),
        )
        # A Pod made before istiod serves would be refused by its webhook or come up without a sidecar.
        self._after: list[pulumi.Resource] = [self.namespace, *istio.ready]
        if args.hello_nginx_image is not None:
            self._hello_nginx(args.hello_nginx_image)
        if args.bookinfo is not None:
            self._bookinfo(args.bookinfo)
        self.register_outputs({})

    def _hello_nginx(self, image: str) -> None:
        labels = {"app": "hello-nginx"}
        container = {"name": "hello-nginx", "image": image, "ports": [{"containerPort": 80}]}
        k8s.apps.v1.Deployment(
            "hello-nginx",
            metadata={"name": "hello-nginx", "namespace": NAMESPACE},
            spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
            opts=ResourceOptions(parent=self, depends_on=self._after),
        )

    def _bookinfo(self, args: BookinfoArgs) -> None:
        overlay = manifests.Overlay(namespace=NAMESPACE, image_hubs={_RETIRED_HUB: args.hub})
        for path in (args.applications, args.gateway):
            for document in manifests.load(path, overlay):
                resource(document, ResourceOptions(parent=self, depends_on=self._after))
