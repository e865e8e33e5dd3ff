"""Pods, as far as the agent needs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIDECAR = "istio-proxy"
"""Istio puts its own container where Kubernetes wants it; the application's is the first with another name."""

_TEMPLATES = ("pod-template-hash", "rollouts-pod-template-hash")
"""Labels of the Pods of a Deployment and of a Rollout: a part of their names."""

_GRACE = 30
"""Seconds between a Pod's deletion and its end, unless it says otherwise."""

_LONGEST_DRAIN = 120.0


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A Pod that has an address.

    Attributes:
        uid: what tells it from one of the same name before or after it.
        name: such as `siege`.
        namespace: such as `tutorial`.
        address: its IPv4 address.
        labels: all of them.
        drain: seconds that it goes on serving after it was deleted (its preStop hook).
        ready: whether the cluster takes it for ready.
        manifest: all that the cluster has of it.
    """

    uid: str
    name: str
    namespace: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    drain: float = 0.0
    ready: bool = True
    manifest: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        """Name and namespace, as people write them: `siege.tutorial`."""
        return f"{self.name}.{self.namespace}"

    @property
    def workload(self) -> str:
        """Name of the Deployment or Rollout that it is of; its own name when it is of none."""
        template = next((self.labels[label] for label in _TEMPLATES if label in self.labels), "")
        return self.name.partition(f"-{template}-")[0] if template else self.name

    @property
    def container(self) -> Mapping[str, Any]:
        """Its application's container; nothing when there is none."""
        return _application(self._spec)

    @property
    def statuses(self) -> Sequence[dict[str, Any]]:
        """What the cluster says of its containers."""
        return self.manifest.get("status", {}).get("containerStatuses") or []

    @property
    def annotations(self) -> Mapping[str, str]:
        """All of them."""
        return self.manifest.get("metadata", {}).get("annotations") or {}

    @property
    def volumes(self) -> Sequence[Mapping[str, Any]]:
        """Its volumes."""
        return self._spec.get("volumes") or []

    @property
    def node(self) -> str:
        """Name of its node."""
        return str(self._spec.get("nodeName", ""))

    @property
    def host_address(self) -> str:
        """Address of its node."""
        return str(self.manifest.get("status", {}).get("hostIP", ""))

    @property
    def service_account(self) -> str:
        """Name of its service account."""
        return str(self._spec.get("serviceAccountName", ""))

    def container_named(self, name: str) -> Mapping[str, Any] | None:
        """Find a container; the application's for no name."""
        return next((each for each in self._containers if each["name"] == name), None) if name else self.container

    @property
    def _spec(self) -> Mapping[str, Any]:
        return dict(self.manifest.get("spec") or {})

    @property
    def _containers(self) -> Sequence[Mapping[str, Any]]:
        return [*(self._spec.get("containers") or []), *(self._spec.get("initContainers") or [])]


def running(found: Mapping[str, Any]) -> Pod | None:
    """Read a Pod of the API; None when it has no address of its own yet, or is being deleted."""
    metadata, status = found["metadata"], found.get("status", {})
    if "deletionTimestamp" in metadata or not status.get("podIP") or status.get("phase") != "Running":
        return None
    if found["spec"].get("hostNetwork"):
        return None
    sleep = float(
        _application(found["spec"]).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    )
    return Pod(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        address=status["podIP"],
        labels=metadata.get("labels") or {},
        ready=all(each["status"] == "True" for each in status.get("conditions", []) if each["type"] == "Ready"),
        drain=min(sleep, float(found["spec"].get("terminationGracePeriodSeconds", _GRACE)), _LONGEST_DRAIN),
        manifest=found,
    )


def _application(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((each for each in spec.get("containers") or [] if each["name"] != _SIDECAR), {})
