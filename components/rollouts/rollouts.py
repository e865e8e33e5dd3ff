"""Argo Rollouts and the handout's example, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.addon import AddonContext
from components.common.exposure import Exposure
from components.rollouts.argo_rollouts import ArgoRollouts, ArgoRolloutsArgs, RolloutsManifests
from components.rollouts.example import Example, ExampleArgs
from lab.core.namespaces import ARGO_ROLLOUTS
from lab.toolchain import artifacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.platform.base import Platform
    from lab.settings import rollouts


@dataclass(frozen=True, kw_only=True)
class RolloutsArgs:
    """Arguments of the chapter on Argo Rollouts; `directory` is the stack's own on this machine."""

    settings: rollouts.Rollouts
    platform: Platform
    manifests: RolloutsManifests
    directory: Path

    @classmethod
    def from_settings(cls, settings: rollouts.Rollouts, platform: Platform, directory: Path) -> RolloutsArgs:
        """Return the arguments with the pinned manifests."""
        manifests = RolloutsManifests(
            install=artifacts.path("argo-rollouts.yaml"), dashboard=artifacts.path("argo-rollouts-dashboard.yaml")
        )
        return cls(settings=settings, platform=platform, manifests=manifests, directory=directory)


class Rollouts(pulumi.ComponentResource):
    """The namespace `argo-rollouts`, and the handout's Rollout in `default`.

    Attributes:
        ready: what a Rollout must depend on; empty without Argo Rollouts.
    """

    ready: Sequence[pulumi.Resource] = ()

    def __init__(self, name: str, args: RolloutsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:delivery:Delivery", name, None, opts)
        if args.settings.enabled:
            self._install(args)
            if args.settings.example.enabled:
                self._example(args.settings.example, args.platform)
        self.register_outputs({})

    def _install(self, args: RolloutsArgs) -> None:
        namespace = k8s.core.v1.Namespace(
            ARGO_ROLLOUTS,
            # Nothing in it uses the mesh.
            metadata={"name": ARGO_ROLLOUTS, "labels": {"istio-injection": "disabled"}},
            opts=ResourceOptions(parent=self),
        )
        context = AddonContext(
            capabilities=args.platform.capabilities,
            depends_on=[namespace],
            directory=args.directory,
            namespace=ARGO_ROLLOUTS,
            images=args.platform.images,
        )
        installed = ArgoRollouts(
            "argo-rollouts", ArgoRolloutsArgs(context=context, manifests=args.manifests), ResourceOptions(parent=self)
        )
        self.ready = args.platform.rollouts_ready(installed.release)

    def _example(self, settings: rollouts.Example, platform: Platform) -> None:
        image = platform.images.pulled(settings.image)
        args = ExampleArgs(
            canary=settings.canary,
            image=image.image,
            exposure=Exposure.wanted(
                settings.source_ranges, public=settings.public, capabilities=platform.capabilities
            ),
            depends_on=[*self.ready, *image.depends_on],
        )
        Example("example", args, ResourceOptions(parent=self))
