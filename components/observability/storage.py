"""Where an addon keeps what it stores: in its Pod, or in a volume that outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.common.addon import NAMESPACE

if TYPE_CHECKING:
    from components.common.volumes import Volumes
    from lab.manifests import Manifest, Object


def store(manifest: Manifest, workload: Object, volume: str, volumes: Volumes | None) -> None:
    """Set a workload's volume, and add the claim that it needs.

    Args:
        manifest: gets the claim, under the workload's name.
        workload: a Deployment or StatefulSet of one Pod, changed in place.
        volume: name of the volume; it is added when the workload has none of this name.
        volumes: None for an emptyDir, which goes with the Pod.
    """
    name = workload["metadata"]["name"]
    mounted: list[Object] = workload["spec"]["template"]["spec"]["volumes"]
    mounted[:] = [each for each in mounted if each["name"] != volume]
    if volumes is None:
        mounted.append({"name": volume, "emptyDir": {}})
        return
    mounted.append({"name": volume, "persistentVolumeClaim": {"claimName": name}})
    manifest.objects.append(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": volumes.claim,
        }
    )
    if workload["kind"] == "Deployment":
        # A second Pod could not have the volume before the first has let it go.
        workload["spec"]["strategy"] = {"type": "Recreate"}
