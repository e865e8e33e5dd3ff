"""The address that a Service of a Helm release is reached at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def address(service: str, release: k8s.helm.v3.Release, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The load balancer's host or address where it has given one, else the Service's own inside the cluster.

    Args:
        service: name of the Service, which is also its logical name.
        release: what makes the Service.
        opts: parent.
    """
    found = k8s.core.v1.Service.get(service, pulumi.Output.concat(release.status.namespace, "/", service), opts=opts)
    return pulumi.Output.all(found.status.load_balancer.ingress, found.spec.cluster_ip).apply(
        lambda known: _address(*known)
    )


def _address(given: Sequence[Mapping[str, str]] | None, cluster_ip: str) -> str:
    if not given:
        return cluster_ip
    return given[0].get("ip") or given[0]["hostname"]
