"""Pods, as far as the agent needs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


_TEMPLATES = ("pod-template-hash", "rollouts-pod-template-hash")
"""Labels of the Pods of a Deployment and of a Rollout: a part of their names."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A Pod that has an address.

    Attributes:
        uid: what tells it from one of the same name before or after it.
        name: such as `siege`.
        namespace: such as `tutorial`.
        address: its IPv4 address.
        labels: all of them.
        environment: the literal variables of its first container.
        config_maps: names of the ConfigMaps whose entries are variables of that container as well.
        drain: seconds that it goes on serving after it was deleted (its preStop hook).
        ready: whether the cluster takes it for ready.
    """

    uid: str
    name: str
    namespace: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    config_maps: tuple[str, ...] = ()
    drain: float = 0.0
    ready: bool = True

    @property
    def key(self) -> str:
        """Name and namespace, as people write them: `siege.tutorial`."""
        return f"{self.name}.{self.namespace}"

    @property
    def workload(self) -> str:
        """Name of the Deployment or Rollout that it is of; its own name when it is of none."""
        template = next((self.labels[label] for label in _TEMPLATES if label in self.labels), "")
        return self.name.partition(f"-{template}-")[0] if template else self.name


def running(found: Mapping[str, Any]) -> Pod | None:
    """Read a Pod of the API; None when it has no address yet or is being deleted."""
    metadata, status = found["metadata"], found.get("status", {})
    if "deletionTimestamp" in metadata or not status.get("podIP") or status.get("phase") != "Running":
        return None
    # Istio puts its own container where Kubernetes wants it; the application's is the one that is not istio-proxy.
    containers = [each for each in found["spec"]["containers"] if each["name"] != "istio-proxy"]
    container = containers[0] if containers else {}
    return Pod(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        address=status["podIP"],
        labels=metadata.get("labels", {}),
        environment={each["name"]: each["value"] for each in container.get("env", []) if "value" in each},
        config_maps=tuple(
            each["configMapRef"]["name"] for each in container.get("envFrom", []) if "configMapRef" in each
        ),
        ready=all(each["status"] == "True" for each in status.get("conditions", []) if each["type"] == "Ready"),
        drain=float(container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)),
    )
