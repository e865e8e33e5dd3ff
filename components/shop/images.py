"""Which image an application runs: what the settings name, in the registry that the stack has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from components.platform.base import Platform

_NEVER_PULLED = "v1"
"""The notes' first tag, for Pods that are simulated: nobody looks for the image."""


def resolve(app: str, image: str, platform: Platform) -> pulumi.Input[str] | None:
    """The image with the registry it comes from; None when there is none to run yet.

    Args:
        app: name of the application.
        image: as the settings name it.
        platform: knows the registry.
    """
    if not image:
        return None if platform.capabilities.runs_containers else f"{app}:{_NEVER_PULLED}"
    if platform.registry is None or names_registry(image):
        return image
    return pulumi.Output.concat(platform.registry, "/", image)


def names_registry(image: str) -> bool:
    """Whether an image says which registry it is in: by Docker's rule, its first part then looks like a host."""
    first, slash, _ = image.partition("/")
    return bool(slash) and (any(mark in first for mark in ".:") or first == "localhost")


def missing(app: str) -> str:
    """What is to be done about an application without an image."""
    return (
        f"istio-lab:shop.{app}.image is empty, so {app} is not deployed yet: build its image with "
        f"`lab image build {app}`, or name one of a registry of your own, then run `make up` again."
    )
