"""A cluster that was there before the lab."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import kubectl

if TYPE_CHECKING:
    from pathlib import Path

# What the lab could leave behind anywhere in a cluster.
KINDS = (
    "namespaces,customresourcedefinitions,mutatingwebhookconfigurations,validatingwebhookconfigurations,"
    "clusterroles,clusterrolebindings,configmaps,secrets,serviceaccounts,deployments,services"
)


@dataclass(frozen=True)
class ByHand:
    """A cluster that somebody started, without the lab's doing."""

    kubeconfig: Path

    def objects(self) -> set[str]:
        """Everything in it, byte for byte but for what the API server itself counts up."""
        found = json.loads(kubectl.run(self.kubeconfig, "get", KINDS, "-A", "-o", "json"))["items"]
        return {json.dumps(without_bookkeeping(each), sort_keys=True) for each in found}


def without_bookkeeping(found: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        key: value for key, value in found["metadata"].items() if key not in ("resourceVersion", "managedFields")
    }
    return {**found, "metadata": metadata}
