"""Arguments of the Azure platform, and what its parts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi_azure_native as azure
    from pulumi_azure_native import resources

    from components.platform.naming import AzureNames


@dataclass(frozen=True, kw_only=True)
class SpotPoolArgs:
    """Machine type and autoscaler limit of nodes that Azure may evict."""

    vm_size: str
    max_count: int


@dataclass(frozen=True, kw_only=True)
class MaintenanceArgs:
    """The window in which AKS may upgrade.

    Attributes:
        channel: AKS' upgrade channel: `none`, `patch`, `stable` or `rapid`.
        day: English name of the day of the week.
        hour: UTC hour at which it begins.
    """

    channel: str
    day: str
    hour: int


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """Monthly amount in the subscription's currency, and the address of its warnings."""

    amount: int
    email: str


@dataclass(frozen=True, kw_only=True)
class AzureArgs:
    """Arguments of the Azure platform.

    Attributes:
        stack: its name, from which all names in Azure are derived.
        subscription: its id; None for the current one.
        location: region.
        tags: of everything that takes tags.
        kubernetes_version: a minor version, of which AKS takes the newest patch, or an exact version.
        tier: AKS' pricing tier.
        registry_sku: the registry's size.
        entra: Entra ID and Azure RBAC instead of local accounts.
        private: the API server has no public address.
        allowed_ranges: ranges that may reach a public API server; empty for all.
        ingress_ranges: ranges that may reach the ingress gateway; if empty it has an internal address only.
        vm_size: machine type of the system pool.
        count: its initial number of nodes.
        max_count: its autoscaler limit.
        spot: None for no spot pool.
        maintenance: the upgrade window.
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


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The resource group, and what every resource in it needs.

    Attributes:
        args: of the platform.
        names: of all resources.
        parent: the platform's component.
        provider: of Azure.
        group: the resource group.
        subscription: its id.
    """

    args: AzureArgs
    names: pulumi.Output[AzureNames]
    parent: pulumi.Resource
    provider: azure.Provider
    group: resources.ResourceGroup
    subscription: pulumi.Output[str]

    def opts(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        protect: bool = False,
        ignore_changes: Sequence[str] = (),
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> ResourceOptions:
        """Return the options of a resource that is deleted with the resource group."""
        return ResourceOptions(
            parent=self.parent,
            provider=self.provider,
            deleted_with=self.group,
            depends_on=depends_on,
            protect=protect and self.args.protect,
            ignore_changes=list(ignore_changes),
            hooks=hooks,
        )
