"""Images of the applications, in the stack's registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.platform.images import Pulled
from lab.core.docker_hub import names_registry

if TYPE_CHECKING:
    from components.platform.base import Platform

_NEVER_PULLED = "v1"
"""The handout's first tag, for simulated Pods, whose images are never pulled."""


def resolve(app: str, image: str, platform: Platform) -> Pulled | None:
    """Return the settings' image with its registry; None if there is no image to run yet."""
    if not image:
        return None if platform.capabilities.runs_containers else Pulled(image=f"{app}:{_NEVER_PULLED}")
    if platform.registry is None or names_registry(image):
        return platform.images.pulled(image)
    return Pulled(image=pulumi.Output.concat(platform.registry, "/", image))


def missing(app: str) -> str:
    """Return the warning about an application without an image."""
    return (
        f"istio-lab:shop.{app}.image is empty, so {app} is not deployed yet: build its image with "
        f"`lab image build {app}`, or name one of a registry of your own, then run `make up` again."
    )
