"""A cluster that has some ConfigMaps and Secrets, with the same entries in both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Cluster:
    """What is in the namespace `shop`, and what was asked for."""

    objects: Mapping[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        assert namespace == "shop"
        self.asked.append(name)
        return self.objects.get(name)

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        return await self.config_map(namespace, name)

    async def allocatable(self, node: str) -> dict[str, str]:
        return {"node-1": {"cpu": "8", "memory": "16Gi"}}.get(node, {})
