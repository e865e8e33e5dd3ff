"""Argo Rollouts and the notes' example, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.addon import Surroundings
from components.common.exposure import PRIVATE, Exposure
from components.rollouts import argo_rollouts
from components.rollouts.argo_rollouts import ArgoRollouts
from components.rollouts.example import Example, ExampleArgs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.platform.base import Platform
    from components.rollouts.argo_rollouts import RolloutsManifests
    from lab.settings import rollouts as settings


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    """What there is to be.

    Attributes:
        manifests: where Argo Rollouts comes from.
        settings: how new versions are rolled out.
        directory: the stack's own folder on this machine.
    """

    manifests: RolloutsManifests
    settings: settings.Rollouts
    directory: Path


class Delivery(pulumi.ComponentResource):
    """The namespace `argo-rollouts`, and the Rollout of the notes in `default`.

    Attributes:
        ready: what a Rollout has to wait for; empty without Argo Rollouts.
    """

    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: DeliveryArgs, platform: Platform, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:delivery:Delivery", name, None, opts)
        chosen, inside = args.settings, ResourceOptions(parent=self)
        self.ready = ()
        if chosen.enabled:
            namespace = k8s.core.v1.Namespace(
                argo_rollouts.NAMESPACE,
                # Nothing in there asks the mesh for anything.
                metadata={"name": argo_rollouts.NAMESPACE, "labels": {"istio-injection": "disabled"}},
                opts=inside,
            )
            surroundings = Surroundings(
                capabilities=platform.capabilities,
                after=[namespace],
                directory=args.directory,
                namespace=argo_rollouts.NAMESPACE,
            )
            installed = ArgoRollouts("argo-rollouts", args.manifests, surroundings, inside)
            self.ready = platform.rolling_out(installed.release)
        if chosen.enabled and chosen.example.enabled:
            public = chosen.example.public and platform.capabilities.load_balancers
            exposure = Exposure(source_ranges=chosen.example.source_ranges) if public else PRIVATE
            example = ExampleArgs(canary=chosen.example.canary, image=chosen.example.image, exposure=exposure)
            Example("example", example, self.ready, inside)
        self.register_outputs({})
