"""The one way to a cluster, the same on every platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    import pulumi


def kubernetes(
    kubeconfig: pulumi.Input[str], cluster_identifier: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> k8s.Provider:
    """The provider that every Kubernetes resource of the stack is given.

    Args:
        kubeconfig: credentials; they may change.
        cluster_identifier: only another one means that everything in the cluster must be made again.
        opts: parent and order.
    """
    return k8s.Provider(
        "kubernetes",
        kubeconfig=kubeconfig,
        cluster_identifier=cluster_identifier,
        # The lab's ConfigMaps have the names of the notes: to replace one would be to delete it first.
        enable_config_map_mutable=True,
        opts=opts,
    )
