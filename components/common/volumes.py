"""Volumes that outlive Pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """What every volume of a part of the lab is like.

    Attributes:
        size: of each, a Kubernetes quantity.
        storage_class: empty for the cluster's default.
    """

    size: str
    storage_class: str = ""

    @property
    def claim(self) -> dict[str, Any]:
        """The spec of a PersistentVolumeClaim."""
        return {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.size}},
            **({"storageClassName": self.storage_class} if self.storage_class else {}),
        }
