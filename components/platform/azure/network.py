"""Network access: who reaches the API server and the ingress gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_azure_native import containerservice as aks

from components.platform.base import Ingress
from lab.settings.groups import ApiServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.settings.groups import Azure


def api_server(settings: Azure) -> aks.ManagedClusterAPIServerAccessProfileArgs:
    """Return a private API server, or a public one with or without an allowlist."""
    private, listed = settings.api_server is ApiServer.PRIVATE, settings.api_server is ApiServer.ALLOWLIST
    ranges = settings.allowed_ranges if listed else ()
    return aks.ManagedClusterAPIServerAccessProfileArgs(
        enable_private_cluster=private, authorized_ip_ranges=None if private else ranges
    )


def profile() -> aks.ContainerServiceNetworkProfileArgs:
    """Return the cluster's network: Azure CNI in overlay mode with Cilium, and a standard load balancer."""
    return aks.ContainerServiceNetworkProfileArgs(
        network_plugin=aks.NetworkPlugin.AZURE,
        network_plugin_mode=aks.NetworkPluginMode.OVERLAY,
        network_dataplane=aks.NetworkDataplane.CILIUM,
        network_policy=aks.NetworkPolicy.CILIUM,
        load_balancer_sku=aks.LoadBalancerSku.STANDARD,
        outbound_type=aks.OutboundType.LOAD_BALANCER,
    )


def ingress(ranges: Sequence[str]) -> Ingress:
    """Return an ingress gateway for these ranges, or an internal one."""
    if ranges:
        return Ingress(source_ranges=tuple(ranges))
    return Ingress(annotations={"service.beta.kubernetes.io/azure-load-balancer-internal": "true"})
