"""The namespace `tutorial` of the course: sidecar injection on `hello-nginx`, then Bookinfo behind its gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.manifest import resource
from components.common.namespaces import Place
from lab import manifests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
        host: what its Gateway answers to; None for everything, which a cluster can give to one namespace alone.
    """

    applications: Path
    gateway: Path
    hub: str
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class TutorialArgs:
    """What the namespace holds.

    Attributes:
        hello_nginx_image: image of the injection exercise; None leaves it out.
        bookinfo: None leaves Bookinfo out.
        place: a namespace that is there; None makes the course's own.
    """

    hello_nginx_image: str | None
    bookinfo: BookinfoArgs | None
    place: Place | None = None


class Tutorial(pulumi.ComponentResource):
    """The namespace `tutorial`, labelled so that istiod injects a sidecar into every Pod.

    Attributes:
        place: the namespace, for others who put something there.
    """

    place: Place

    def __init__(
        self, name: str, args: TutorialArgs, mesh: Sequence[pulumi.Resource], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("istio-lab:tutorial:Tutorial", name, None, opts)
        self.place = args.place or self._namespace()
        # A Pod made before istiod serves would be refused by its webhook or come up without a sidecar.
        self._after = [*self.place.after, *mesh]
        if args.hello_nginx_image is not None:
            self._hello_nginx(args.hello_nginx_image)
        if args.bookinfo is not None:
            self._bookinfo(args.bookinfo)
        self.register_outputs({})

    def _namespace(self) -> Place:
        namespace = k8s.core.v1.Namespace(
            NAMESPACE,
            metadata={"name": NAMESPACE, "labels": {"istio-injection": "enabled"}},
            opts=ResourceOptions(parent=self),
        )
        return Place(key=NAMESPACE, name=NAMESPACE, after=[namespace])

    def _hello_nginx(self, image: str) -> None:
        labels = {"app": "hello-nginx"}
        container = {"name": "hello-nginx", "image": image, "ports": [{"containerPort": 80}]}
        k8s.apps.v1.Deployment(
            "hello-nginx",
            metadata={"name": "hello-nginx", "namespace": self.place.name},
            spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
            opts=ResourceOptions(parent=self, depends_on=self._after),
        )

    def _bookinfo(self, args: BookinfoArgs) -> None:
        overlay = manifests.Overlay(namespace=self.place.name, image_hubs={_RETIRED_HUB: args.hub})
        for path in (args.applications, args.gateway):
            for document in manifests.load(path, overlay):
                if args.host and document["kind"] == "Gateway":
                    confine(document, args.host)
                resource(document, ResourceOptions(parent=self, depends_on=self._after))


def confine(gateway: dict[str, Any], host: str) -> None:
    """Let a Gateway answer to one host, and let only its own namespace say where that leads; in place.

    Args:
        gateway: the object.
        host: such as `anna.lab.internal`.
    """
    for server in gateway["spec"]["servers"]:
        server["hosts"] = [f"./{host}"]
