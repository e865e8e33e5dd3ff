"""The namespace `tutorial`: sidecar injection with `hello-nginx`, then Bookinfo behind its gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.namespaces import NamespaceRef, injected
from components.common.resources import resource
from lab.core import manifests
from lab.core.namespaces import TUTORIAL
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.platform.base import Platform
    from components.platform.images import Pulled
    from lab.settings import Settings

_RETIRED_HUB = "registry.istio.io/release"
"""The hub in Bookinfo's manifest, switched off in December 2026."""


@dataclass(frozen=True, kw_only=True)
class BookinfoArgs:
    """Arguments of Bookinfo: the pinned manifests, and the image repository prefix.

    Without a host its Gateway answers to all hosts, which only one namespace of a cluster can do.
    """

    applications: Path
    gateway: Path
    hub: str
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class TutorialArgs:
    """Arguments of the tutorial.

    Without an image there is no injection exercise. Without a namespace, `tutorial` is created.
    """

    hello_nginx_image: Pulled | None
    bookinfo: BookinfoArgs | None
    namespace: NamespaceRef | None = None
    depends_on: Sequence[pulumi.Resource] = ()

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        platform: Platform,
        *,
        namespace: NamespaceRef | None = None,
        host: str | None = None,
        ready: Sequence[pulumi.Resource] = (),
    ) -> TutorialArgs:
        """Return the arguments that the settings ask for."""
        bookinfo = BookinfoArgs(
            applications=artifacts.path("bookinfo.yaml"),
            gateway=artifacts.path("bookinfo-gateway.yaml"),
            hub=settings.istio_hub,
            host=host,
        )
        chosen = settings.tutorial
        return cls(
            hello_nginx_image=platform.images.pulled(chosen.hello_nginx_image) if chosen.hello_nginx else None,
            bookinfo=bookinfo if chosen.bookinfo else None,
            namespace=namespace,
            depends_on=ready,
        )


class Tutorial(pulumi.ComponentResource):
    """The namespace `tutorial`, whose Pods get a sidecar.

    Attributes:
        namespace: for other components.
    """

    namespace: NamespaceRef

    def __init__(self, name: str, args: TutorialArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:tutorial:Tutorial", name, None, opts)
        self.namespace = args.namespace or injected(TUTORIAL, self)
        # Before istiod is ready its webhook would refuse a Pod, or leave it without a sidecar.
        self._ready = [*self.namespace.depends_on, *args.depends_on]
        self._in_mesh = ResourceOptions(parent=self, depends_on=self._ready)
        if args.hello_nginx_image is not None:
            self._hello_nginx(args.hello_nginx_image)
        if args.bookinfo is not None:
            self._bookinfo(args.bookinfo)
        self.register_outputs({})

    def _hello_nginx(self, image: Pulled) -> None:
        labels = {"app": "hello-nginx"}
        container = {"name": "hello-nginx", "image": image.image, "ports": [{"containerPort": 80}]}
        k8s.apps.v1.Deployment(
            "hello-nginx",
            metadata={"name": "hello-nginx", "namespace": self.namespace.name},
            spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
            opts=ResourceOptions(parent=self, depends_on=[*self._ready, *image.depends_on]),
        )

    def _bookinfo(self, args: BookinfoArgs) -> None:
        overlay = manifests.Overlay(namespace=self.namespace.name, image_hubs={_RETIRED_HUB: args.hub})
        in_namespace = ResourceOptions(parent=self, depends_on=list(self.namespace.depends_on))
        for path in (args.applications, args.gateway):
            for document in manifests.load(path, overlay):
                if args.host and document["kind"] == "Gateway":
                    confine(document, args.host)
                resource(document, in_namespace if document["apiVersion"] == "v1" else self._in_mesh)


def confine(gateway: dict[str, Any], host: str) -> None:
    """Restrict a Gateway in place to one host, and to routes of its own namespace."""
    for server in gateway["spec"]["servers"]:
        server["hosts"] = [f"./{host}"]
