"""Sources of the images of the lab's Pods."""

from __future__ import annotations

from collections.abc import Collection, Sequence  # noqa: TC003 - Pulumi evaluates the annotations of a component
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi  # noqa: TC002

from lab.core.docker_hub import HubImage

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """The image that a container names, and what must be there before it can be pulled."""

    image: pulumi.Input[str]
    depends_on: Sequence[pulumi.Resource] = ()


class Images:
    """Images of Pods, pulled from where they are published."""

    def pulled(self, image: str) -> Pulled:
        """Return a published image as containers have to name it."""
        return Pulled(image=image)

    @property
    def copies(self) -> Sequence[str]:
        """Repositories and tags of the images that a registry of the lab's own has a copy of."""
        return ()

    def localize(self, objects: Iterable[object]) -> list[pulumi.Resource]:
        """Replace the images of all containers of Kubernetes objects in place; return what their Pods depend on."""
        needed: list[pulumi.Resource] = []
        for container in _containers(objects):
            pulled = self.pulled(container["image"])
            container["image"] = pulled.image
            needed += [each for each in pulled.depends_on if each not in needed]
        return needed


PUBLISHED = Images()


class Copied(Images):
    """Images of Docker Hub that a registry has copies of; all others are pulled from where they are published."""

    def __init__(self, registry: str, copies: Collection[str]) -> None:
        self._registry, self._copies = registry, frozenset(copies)

    def pulled(self, image: str) -> Pulled:
        """Return the copy of an image, if there is one."""
        found = HubImage.parse(image)
        return Pulled(image=f"{self._registry}/{found.copy}" if found and found.copy in self._copies else image)

    @property
    def copies(self) -> Sequence[str]:
        """Repositories and tags in the registry."""
        return sorted(self._copies)


def _containers(node: object) -> Iterable[dict[str, Any]]:
    """Find the containers below a node: what has an image."""
    if isinstance(node, dict):
        if isinstance(node.get("image"), str) and "name" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _containers(child)
