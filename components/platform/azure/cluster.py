"""The AKS cluster: its nodes, its upgrades, and the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi import InvokeOutputOptions
from pulumi_azure_native import containerservice as aks

from components.platform.azure import network, roles
from lab.platforms.azure import credentials
from lab.platforms.azure.standing import SYSTEM
from lab.settings.groups import Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.platform.azure.account import Account
    from components.platform.azure.identity import Identities
    from components.platform.azure.scope import Scope
    from lab.platforms.azure.standing import Plan

_SPOT = "kubernetes.azure.com/scalesetpriority"
"""Label and taint that AKS adds to spot nodes; declaring them keeps previews empty."""

_MAINTENANCE_HOURS = 4
"""The shortest window that AKS accepts."""

OS_DISK_GB = 64
_IMAGE_CLEANER_HOURS = 24


def make(
    scope: Scope, planned: Plan, identities: Identities, depends_on: Sequence[pulumi.Resource]
) -> aks.ManagedCluster:
    """Make the cluster with its maintenance windows and its spot pool."""
    args, settings = scope.args, scope.settings
    pool, maintenance = planned.pool, settings.maintenance
    # AKS adds to what it was given, the autoscaler changes the count, and upgrades change the version.
    ignored = [
        *(["agentPoolProfiles"] if planned.keeps_pool else []),
        *(["kubernetesVersion"] if planned.keeps_version else []),
    ]
    cluster = aks.ManagedCluster(
        "cluster",
        resource_name_=scope.names.cluster,
        resource_group_name=scope.group.name,
        node_resource_group=scope.names.node_resource_group,
        location=settings.location,
        dns_prefix=scope.names.dns_prefix,
        kubernetes_version=planned.version,
        sku=aks.ManagedClusterSKUArgs(name=aks.ManagedClusterSKUName.BASE, tier=settings.tier),
        support_plan=_support_plan(settings.tier),
        identity=aks.ManagedClusterIdentityArgs(
            type=aks.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[identities.control_plane.id]
        ),
        identity_profile={
            "kubeletidentity": aks.UserAssignedIdentityArgs(
                resource_id=identities.kubelet.id,
                client_id=identities.kubelet.client_id,
                object_id=identities.kubelet.principal_id,
            )
        },
        enable_rbac=True,
        disable_local_accounts=settings.entra,
        aad_profile=aks.ManagedClusterAADProfileArgs(managed=True, enable_azure_rbac=True) if settings.entra else None,
        api_server_access_profile=network.api_server(settings),
        auto_upgrade_profile=aks.ManagedClusterAutoUpgradeProfileArgs(
            upgrade_channel=maintenance.channel, node_os_upgrade_channel=aks.NodeOSUpgradeChannel.NODE_IMAGE
        ),
        network_profile=network.profile(),
        oidc_issuer_profile=aks.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
        security_profile=aks.ManagedClusterSecurityProfileArgs(
            workload_identity=aks.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
            image_cleaner=aks.ManagedClusterSecurityProfileImageCleanerArgs(
                enabled=True, interval_hours=_IMAGE_CLEANER_HOURS
            ),
        ),
        agent_pool_profiles=[
            aks.ManagedClusterAgentPoolProfileArgs(
                name=SYSTEM,
                mode=aks.AgentPoolMode.SYSTEM,
                type=aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
                vm_size=pool.vm_size,
                os_type=aks.OSType.LINUX,
                os_sku=aks.OSSKU.UBUNTU,
                os_disk_size_gb=OS_DISK_GB,
                enable_auto_scaling=True,
                count=pool.count,
                min_count=pool.least,
                max_count=pool.most,
            )
        ],
        tags=args.tags,
        opts=scope.opts(depends_on=depends_on, holds_data=True, ignore_changes=ignored),
    )
    _maintenance(scope, cluster)
    if settings.spot_pool.enabled:
        _spot_pool(scope, cluster)
    return cluster


def _support_plan(tier: Tier) -> aks.KubernetesSupportPlan:
    """Long-term support is what the tier Premium is for; AKS grants it on no other."""
    if tier is Tier.PREMIUM:
        return aks.KubernetesSupportPlan.AKS_LONG_TERM_SUPPORT
    return aks.KubernetesSupportPlan.KUBERNETES_OFFICIAL


def kubeconfig(scope: Scope, cluster: aks.ManagedCluster) -> pulumi.Output[str]:
    """Return the caller's credentials, which with Entra are never an administrator's certificate."""
    entra = scope.settings.entra
    answer = aks.list_managed_cluster_user_credentials_output(
        resource_group_name=scope.group.name,
        resource_name=cluster.name,
        format="exec" if entra else None,
        # Ask once the cluster exists, and again if it is replaced.
        opts=InvokeOutputOptions(provider=scope.provider, parent=scope.parent, depends_on=[cluster]),
    )
    return pulumi.Output.secret(
        answer.apply(lambda found: credentials.kubeconfig(found.kubeconfigs[0].value, azure_cli=entra))
    )


def admit(scope: Scope, cluster: aks.ManagedCluster, caller: Account) -> pulumi.Resource:
    """Let the caller work in the cluster; with Azure RBAC not even its creator may otherwise."""
    args = roles.Grant(
        role=roles.AKS_RBAC_CLUSTER_ADMIN,
        scope=cluster.id,
        scope_name=scope.names.cluster,
        principal=caller.object_id,
        principal_type=roles.type_of_caller(caller.client_id),
    )
    return roles.grant("cluster-admin", args, scope)


def _maintenance(scope: Scope, cluster: aks.ManagedCluster) -> None:
    maintenance = scope.settings.maintenance
    window = aks.MaintenanceWindowArgs(
        duration_hours=_MAINTENANCE_HOURS,
        start_time=f"{maintenance.hour:02}:00",
        utc_offset="+00:00",
        schedule=aks.ScheduleArgs(weekly=aks.WeeklyScheduleArgs(interval_weeks=1, day_of_week=maintenance.day)),
    )
    for name, config in (
        ("kubernetes-maintenance", "aksManagedAutoUpgradeSchedule"),
        ("node-image-maintenance", "aksManagedNodeOSUpgradeSchedule"),
    ):
        aks.MaintenanceConfiguration(
            name,
            config_name=config,
            resource_group_name=scope.group.name,
            resource_name_=cluster.name,
            maintenance_window=window,
            opts=scope.opts(),
        )


def _spot_pool(scope: Scope, cluster: aks.ManagedCluster) -> None:
    spot = scope.settings.spot_pool
    aks.AgentPool(
        "spot-pool",
        agent_pool_name="spot",
        resource_group_name=scope.group.name,
        resource_name_=cluster.name,
        mode=aks.AgentPoolMode.USER,
        type=aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
        vm_size=spot.vm_size,
        os_type=aks.OSType.LINUX,
        os_sku=aks.OSSKU.UBUNTU,
        os_disk_size_gb=OS_DISK_GB,
        scale_set_priority=aks.ScaleSetPriority.SPOT,
        scale_set_eviction_policy=aks.ScaleSetEvictionPolicy.DELETE,
        spot_max_price=-1.0,  # up to the regular price
        enable_auto_scaling=True,
        count=0,
        min_count=0,
        max_count=spot.max_count,
        node_labels={_SPOT: "spot"},
        node_taints=[f"{_SPOT}=spot:NoSchedule"],
        tags=scope.args.tags,
        opts=scope.opts(ignore_changes=["count"]),
    )
