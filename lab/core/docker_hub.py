"""Names of images on Docker Hub, as a registry that copies them needs them."""

from __future__ import annotations

from dataclasses import dataclass

from lab.core import versions

HOST = "docker.io"

_HOSTS = (HOST, "index.docker.io", "registry-1.docker.io")
_OFFICIAL, _LATEST = "library", "latest"
_SHORT = 12
"""Characters of a digest that stand for it in a tag."""


@dataclass(frozen=True, kw_only=True)
class HubImage:
    """An image on Docker Hub.

    Attributes:
        source: its repository there, with the digest where one is known, else with the tag.
        copy: repository and tag of a copy in another registry.
    """

    source: str
    copy: str

    @classmethod
    def parse(cls, image: str) -> HubImage | None:
        """Read the image of a container; None if it is in another registry."""
        name, _, digest = image.partition("@")
        host, slash, path = name.partition("/")
        if slash and host in _HOSTS:
            name = path
        elif names_registry(name):
            return None
        repository, colon, tag = name.partition(":")
        if "/" not in repository:
            repository = f"{_OFFICIAL}/{repository}"
        if digest:
            kept = f"{tag}-" if colon else ""
            tag = f"{kept}{digest.rpartition(':')[2][:_SHORT]}"
        copy = f"{repository}:{tag or _LATEST}"
        if not digest and copy in versions.DOCKER_HUB_DIGESTS:
            digest = f"sha256:{versions.DOCKER_HUB_DIGESTS[copy]}"
        return cls(source=f"{repository}@{digest}" if digest else copy, copy=copy)


def names_registry(image: str) -> bool:
    """Tell whether an image names its registry: by Docker's rule its first part then looks like a host."""
    first, slash, _ = image.partition("/")
    return bool(slash) and (any(mark in first for mark in ".:") or first == "localhost")
