"""The course's own home: a resource group with a registry, and an AKS cluster that may pull from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s  # noqa: TC002 - Pulumi evaluates the annotations of a class
from pulumi import InvokeOutputOptions, ResourceOptions
from pulumi_azure_native import authorization, consumption, containerregistry, managedidentity, resources
from pulumi_azure_native import containerservice as aks

from components.platform import provider
from components.platform.azure import roles
from components.platform.base import Capabilities, Ingress, Webhooks
from components.platform.naming import azure_names
from lab.azure import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SPOT = "kubernetes.azure.com/scalesetpriority"
"""Label and taint that AKS puts on spot nodes by itself; saying the same keeps previews empty."""

_MAINTENANCE_HOURS = 4
"""The shortest window that AKS takes."""

_OS_DISK_GB = 64
_IMAGE_CLEANER_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class SpotPoolArgs:
    """Nodes that Azure may take away.

    Attributes:
        vm_size: Azure's name of the machine.
        max_count: the autoscaler's limit.
    """

    vm_size: str
    max_count: int


@dataclass(frozen=True, kw_only=True)
class MaintenanceArgs:
    """When AKS may upgrade.

    Attributes:
        channel: AKS' upgrade channel: `none`, `patch`, `stable` or `rapid`.
        day: the English name of a day of the week.
        hour: the hour it begins, UTC.
    """

    channel: str
    day: str
    hour: int


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """Warnings about the bill.

    Attributes:
        amount: a month, in the subscription's currency.
        email: where they go.
    """

    amount: int
    email: str


@dataclass(frozen=True, kw_only=True)
class AzureArgs:
    """What the azure platform needs to know.

    Attributes:
        stack: its name, of which all names in Azure are made.
        subscription: its id; None for the one that is logged in.
        location: region.
        tags: on everything that takes tags.
        kubernetes_version: a minor, of which AKS takes the newest patch, or an exact version.
        tier: AKS' pricing tier.
        registry_sku: the registry's size.
        entra: Entra ID and Azure RBAC instead of local accounts.
        private: the API server has no public address.
        allowed_ranges: who may reach a public API server; empty for everybody.
        ingress_ranges: who may reach the ingress gateway from outside; empty gives it an internal address only.
        vm_size: machine of the system pool.
        count: its nodes at the beginning.
        max_count: its autoscaler's limit.
        spot: None for no spot pool.
        maintenance: when AKS may upgrade.
        budget: None for no budget.
        protect: Pulumi refuses to delete what holds data.
    """

    stack: str
    subscription: str | None
    location: str
    tags: Mapping[str, str]
    kubernetes_version: str
    tier: str
    registry_sku: str
    entra: bool
    private: bool
    allowed_ranges: Sequence[str]
    ingress_ranges: Sequence[str]
    vm_size: str
    count: int
    max_count: int
    spot: SpotPoolArgs | None
    maintenance: MaintenanceArgs
    budget: BudgetArgs | None
    protect: bool


class Azure(pulumi.ComponentResource):
    """A `Platform` on AKS.

    Attributes:
        subscription: the id of the subscription.
    """

    kubeconfig: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: k8s.Provider
    registry: pulumi.Output[str] | None
    capabilities = Capabilities(load_balancers=True, runs_containers=True, metrics=True)
    # AKS would write into the webhook what istiod then writes back, for ever; this leaves it alone.
    webhooks = Webhooks(annotations={"admissions.enforcer/disabled": "true"})
    ingress: Ingress
    outputs: Mapping[str, pulumi.Output[str]]
    hooks: pulumi.ResourceHookBinding | None
    deleted_with: pulumi.Resource | None

    def __init__(self, name: str, args: AzureArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Azure", name, None, opts)
        self._args = args
        self._azure = azure.Provider(
            "azure",
            location=args.location,
            subscription_id=args.subscription,
            opts=ResourceOptions(parent=self),
        )
        client = authorization.get_client_config_output(opts=InvokeOutputOptions(provider=self._azure, parent=self))
        self.subscription = client.subscription_id
        self._names = client.subscription_id.apply(lambda found: azure_names(args.stack, found))
        self._group = resources.ResourceGroup(
            "resource-group",
            resource_group_name=self._names.resource_group,
            location=args.location,
            tags=args.tags,
            opts=ResourceOptions(parent=self, provider=self._azure, protect=args.protect),
        )
        registry = self._registry()
        control_plane = self._identity("control-plane", self._names.control_plane_identity)
        kubelet = self._identity("kubelet", self._names.kubelet_identity)
        grants = self._grants(registry, control_plane, kubelet)
        cluster = self._cluster(control_plane, kubelet, grants)
        self._upgrades(cluster)
        if args.spot is not None:
            self._spot(args.spot, cluster)
        if args.budget is not None:
            self._budget(args.budget)
        self.registry = registry.login_server
        self.outputs = {
            "azureSubscription": self.subscription,
            "azureResourceGroup": self._group.name,
            "azureCluster": cluster.name,
            "registry": registry.login_server,
        }
        self.deleted_with = cluster
        self.ingress = _ingress(args.ingress_ranges)
        self.kubeconfig = self._kubeconfig(cluster)
        admitted = [self._admission(cluster, client)] if args.entra else []
        self.hooks = roles.patience_in_cluster() if args.entra else None
        self.identity = cluster.id
        self.provider = provider.kubernetes(
            self.kubeconfig, self.identity, ResourceOptions(parent=self, depends_on=admitted)
        )
        self.register_outputs({})

    def rolling_out(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """The Pod of Argo Rollouts does it."""
        return [release]

    def run_workloads(self, after: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Nothing: this cluster runs its Pods."""

    def serving(self, base: k8s.helm.v3.Release, istiod: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Here the Pod of istiod's chart really serves."""
        del base
        return [istiod]

    def _inside(self, *, depends_on: Sequence[pulumi.Resource] = (), protect: bool = False) -> ResourceOptions:
        """Options of what goes when the resource group goes."""
        return ResourceOptions(
            parent=self,
            provider=self._azure,
            deleted_with=self._group,
            depends_on=depends_on,
            protect=protect and self._args.protect,
        )

    def _registry(self) -> containerregistry.Registry:
        return containerregistry.Registry(
            "registry",
            registry_name=self._names.registry,
            resource_group_name=self._group.name,
            location=self._args.location,
            sku=containerregistry.SkuArgs(name=self._args.registry_sku),
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            tags=self._args.tags,
            opts=self._inside(protect=True),
        )

    def _identity(self, name: str, azure_name: pulumi.Input[str]) -> managedidentity.UserAssignedIdentity:
        return managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_name_=azure_name,
            resource_group_name=self._group.name,
            location=self._args.location,
            tags=self._args.tags,
            opts=self._inside(),
        )

    def _grants(
        self,
        registry: containerregistry.Registry,
        control_plane: managedidentity.UserAssignedIdentity,
        kubelet: managedidentity.UserAssignedIdentity,
    ) -> list[pulumi.Resource]:
        """What must be granted before there are nodes: the first pull then already works."""
        patient = ResourceOptions.merge(self._inside(), ResourceOptions(hooks=roles.patience()))
        pull = roles.Grant(
            role=roles.ACR_PULL,
            scope=registry.id,
            scope_name=self._names.registry,
            principal=kubelet.principal_id,
            principal_name=self._names.kubelet_identity,
        )
        operate = roles.Grant(
            role=roles.MANAGED_IDENTITY_OPERATOR,
            scope=kubelet.id,
            scope_name=self._names.kubelet_identity,
            principal=control_plane.principal_id,
            principal_name=self._names.control_plane_identity,
        )
        return [
            roles.grant("acr-pull", pull, self.subscription, patient),
            roles.grant("identity-operator", operate, self.subscription, patient),
        ]

    def _cluster(
        self,
        control_plane: managedidentity.UserAssignedIdentity,
        kubelet: managedidentity.UserAssignedIdentity,
        grants: Sequence[pulumi.Resource],
    ) -> aks.ManagedCluster:
        args = self._args
        return aks.ManagedCluster(
            "cluster",
            resource_name_=self._names.cluster,
            resource_group_name=self._group.name,
            node_resource_group=self._names.node_resource_group,
            location=args.location,
            dns_prefix=self._names.dns_prefix,
            kubernetes_version=args.kubernetes_version,
            sku=aks.ManagedClusterSKUArgs(name=aks.ManagedClusterSKUName.BASE, tier=args.tier),
            support_plan=aks.KubernetesSupportPlan.KUBERNETES_OFFICIAL,
            identity=aks.ManagedClusterIdentityArgs(
                type=aks.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[control_plane.id]
            ),
            identity_profile={
                "kubeletidentity": aks.UserAssignedIdentityArgs(
                    resource_id=kubelet.id, client_id=kubelet.client_id, object_id=kubelet.principal_id
                )
            },
            enable_rbac=True,
            disable_local_accounts=args.entra,
            aad_profile=aks.ManagedClusterAADProfileArgs(managed=True, enable_azure_rbac=True) if args.entra else None,
            api_server_access_profile=aks.ManagedClusterAPIServerAccessProfileArgs(
                enable_private_cluster=args.private,
                authorized_ip_ranges=None if args.private else args.allowed_ranges,
            ),
            auto_upgrade_profile=aks.ManagedClusterAutoUpgradeProfileArgs(
                upgrade_channel=args.maintenance.channel,
                node_os_upgrade_channel=aks.NodeOSUpgradeChannel.NODE_IMAGE,
            ),
            network_profile=aks.ContainerServiceNetworkProfileArgs(
                network_plugin=aks.NetworkPlugin.AZURE,
                network_plugin_mode=aks.NetworkPluginMode.OVERLAY,
                network_dataplane=aks.NetworkDataplane.CILIUM,
                network_policy=aks.NetworkPolicy.CILIUM,
                load_balancer_sku=aks.LoadBalancerSku.STANDARD,
                outbound_type=aks.OutboundType.LOAD_BALANCER,
            ),
            oidc_issuer_profile=aks.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
            security_profile=aks.ManagedClusterSecurityProfileArgs(
                workload_identity=aks.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
                image_cleaner=aks.ManagedClusterSecurityProfileImageCleanerArgs(
                    enabled=True, interval_hours=_IMAGE_CLEANER_HOURS
                ),
            ),
            agent_pool_profiles=[
                aks.ManagedClusterAgentPoolProfileArgs(
                    name="system",
                    mode=aks.AgentPoolMode.SYSTEM,
                    type=aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
                    vm_size=args.vm_size,
                    os_type=aks.OSType.LINUX,
                    os_disk_size_gb=_OS_DISK_GB,
                    enable_auto_scaling=True,
                    count=args.count,
                    min_count=min(args.count, args.max_count),
                    max_count=args.max_count,
                )
            ],
            tags=args.tags,
            opts=ResourceOptions.merge(
                self._inside(depends_on=grants, protect=True),
                # AKS answers with more than it was given, the autoscaler changes the count, upgrades the version.
                ResourceOptions(ignore_changes=["agentPoolProfiles", *self._upgraded()]),
            ),
        )

    def _upgraded(self) -> list[str]:
        return [] if self._args.maintenance.channel == "none" else ["kubernetesVersion"]

    def _upgrades(self, cluster: aks.ManagedCluster) -> None:
        window = aks.MaintenanceWindowArgs(
            duration_hours=_MAINTENANCE_HOURS,
            start_time=f"{self._args.maintenance.hour:02}:00",
            utc_offset="+00:00",
            schedule=aks.ScheduleArgs(
                weekly=aks.WeeklyScheduleArgs(interval_weeks=1, day_of_week=self._args.maintenance.day)
            ),
        )
        for name, config in (
            ("kubernetes-maintenance", "aksManagedAutoUpgradeSchedule"),
            ("node-image-maintenance", "aksManagedNodeOSUpgradeSchedule"),
        ):
            aks.MaintenanceConfiguration(
                name,
                config_name=config,
                resource_group_name=self._group.name,
                resource_name_=cluster.name,
                maintenance_window=window,
                opts=self._inside(),
            )

    def _spot(self, spot: SpotPoolArgs, cluster: aks.ManagedCluster) -> None:
        aks.AgentPool(
            "spot-pool",
            agent_pool_name="spot",
            resource_group_name=self._group.name,
            resource_name_=cluster.name,
            mode=aks.AgentPoolMode.USER,
            type=aks.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
            vm_size=spot.vm_size,
            os_type=aks.OSType.LINUX,
            os_disk_size_gb=_OS_DISK_GB,
            scale_set_priority=aks.ScaleSetPriority.SPOT,
            scale_set_eviction_policy=aks.ScaleSetEvictionPolicy.DELETE,
            spot_max_price=-1.0,  # up to the ordinary price
            enable_auto_scaling=True,
            count=0,
            min_count=0,
            max_count=spot.max_count,
            node_labels={_SPOT: "spot"},
            node_taints=[f"{_SPOT}=spot:NoSchedule"],
            tags=self._args.tags,
            opts=ResourceOptions.merge(self._inside(), ResourceOptions(ignore_changes=["count"])),
        )

    def _budget(self, args: BudgetArgs) -> None:
        def warning(threshold: int, kind: consumption.ThresholdType) -> consumption.NotificationArgs:
            return consumption.NotificationArgs(
                enabled=True,
                operator=consumption.OperatorType.GREATER_THAN_OR_EQUAL_TO,
                threshold=threshold,
                threshold_type=kind,
                contact_emails=[args.email],
            )

        consumption.Budget(
            "budget",
            budget_name=self._names.budget,
            scope=self._group.id,
            category=consumption.CategoryType.COST,
            amount=args.amount,
            time_grain=consumption.TimeGrainType.MONTHLY,
            time_period=consumption.BudgetTimePeriodArgs(start_date=_first_of_month(date.today())),  # noqa: DTZ011
            notifications={
                "actual80": warning(80, consumption.ThresholdType.ACTUAL),
                "actual100": warning(100, consumption.ThresholdType.ACTUAL),
                "forecast100": warning(100, consumption.ThresholdType.FORECASTED),
            },
            # A budget keeps the month it began in.
            opts=ResourceOptions.merge(self._inside(), ResourceOptions(ignore_changes=["timePeriod"])),
        )

    def _kubeconfig(self, cluster: aks.ManagedCluster) -> pulumi.Output[str]:
        """Credentials of the person who runs this, never an administrator's certificate when Entra is on."""
        answer = aks.list_managed_cluster_user_credentials_output(
            resource_group_name=self._group.name,
            resource_name=cluster.name,
            format="exec" if self._args.entra else None,
            # Not before the cluster is there, and again when it is another one.
            opts=InvokeOutputOptions(provider=self._azure, parent=self, depends_on=[cluster]),
        )
        entra = self._args.entra
        return pulumi.Output.secret(
            answer.apply(lambda found: credentials.kubeconfig(found.kubeconfigs[0].value, azure_cli=entra))
        )

    def _admission(
        self, cluster: aks.ManagedCluster, caller: pulumi.Output[authorization.GetClientConfigResult]
    ) -> pulumi.Resource:
        """Who stands the lab up may work in it: with Azure RBAC, not even who made a cluster may look into it."""
        args = roles.Grant(
            role=roles.AKS_RBAC_CLUSTER_ADMIN,
            scope=cluster.id,
            scope_name=self._names.cluster,
            principal=caller.object_id,
            principal_name=caller.object_id,
            principal_type=caller.client_id.apply(roles.type_of_caller),
        )
        return roles.grant("cluster-admin", args, self.subscription, self._inside())


def _ingress(ranges: Sequence[str]) -> Ingress:
    if ranges:
        return Ingress(source_ranges=tuple(ranges))
    return Ingress(annotations={"service.beta.kubernetes.io/azure-load-balancer-internal": "true"})


def _first_of_month(today: date) -> str:
    """Azure takes no other day for the beginning of a budget."""
    return f"{today:%Y-%m}-01T00:00:00Z"
