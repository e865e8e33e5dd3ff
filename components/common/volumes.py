"""Volumes that outlive Pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.platform.base import Capabilities
    from lab.core.manifests import Manifest, Object
    from lab.settings.groups import Persistence


@dataclass(frozen=True, kw_only=True)
class Volumes:
    """The size (a Kubernetes quantity) and storage class of volumes; an empty class is the cluster's default."""

    size: str
    storage_class: str = ""

    @classmethod
    def wanted(cls, persistence: Persistence, capabilities: Capabilities) -> Volumes | None:
        """Return the volumes that settings ask for; None on simulated nodes, where a Pod would wait for ever."""
        if not persistence.enabled or not capabilities.runs_containers:
            return None
        return cls(size=persistence.size, storage_class=persistence.storage_class)

    @property
    def claim(self) -> dict[str, Any]:
        """The spec of a PersistentVolumeClaim."""
        return {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.size}},
            **({"storageClassName": self.storage_class} if self.storage_class else {}),
        }


def store(manifest: Manifest, workload: Object, volume: str, volumes: Volumes | None) -> None:
    """Set or add a volume of a one-Pod workload in place, and add its claim to the manifest.

    Args:
        manifest: gets the claim, named after the workload.
        workload: a Deployment or StatefulSet.
        volume: name of the volume.
        volumes: None for an emptyDir, which goes with the Pod.
    """
    metadata = {key: workload["metadata"][key] for key in ("name", "namespace")}
    mounted: list[Object] = workload["spec"]["template"]["spec"]["volumes"]
    mounted[:] = [each for each in mounted if each["name"] != volume]
    if volumes is None:
        mounted.append({"name": volume, "emptyDir": {}})
        return
    mounted.append({"name": volume, "persistentVolumeClaim": {"claimName": metadata["name"]}})
    manifest.objects.append(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": volumes.claim}
    )
    if workload["kind"] == "Deployment":
        # A second Pod could not mount the volume before the first has released it.
        workload["spec"]["strategy"] = {"type": "Recreate"}
