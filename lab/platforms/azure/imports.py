"""Copies of Docker Hub's images in the lab's registry, which Azure makes by itself: nothing passes this machine."""

from __future__ import annotations

from dataclasses import dataclass

from lab.core.docker_hub import HOST
from lab.core.errors import LabError
from lab.platforms.azure import cli

_TIMEOUT = 1200.0
"""Seconds; az waits until the copy is there, which takes a minute for a large image."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """An image to copy.

    Attributes:
        registry: name of the registry that gets it.
        group: its resource group.
        subscription: id of its subscription.
        source: the image on Docker Hub, with its digest or its tag.
        copy: repository and tag of the copy.
    """

    registry: str
    group: str
    subscription: str
    source: str
    copy: str


def arguments(wanted: Import) -> tuple[str, ...]:
    """Return the arguments of az; with `--force`, a copy that is there already is no error."""
    where = ("--name", wanted.registry, "--resource-group", wanted.group, "--subscription", wanted.subscription)
    return ("acr", "import", *where, "--source", f"{HOST}/{wanted.source}", "--image", wanted.copy, "--force")


def run(wanted: Import) -> None:
    """Copy an image.

    Raises:
        LabError: Azure or Docker Hub refuses.
    """
    try:
        cli.ask(*arguments(wanted), timeout=_TIMEOUT)
    except LabError as error:
        told = f"{wanted.source} could not be copied into the registry {wanted.registry}: {error.message}"
        raise LabError(told, error.remedy) from None
