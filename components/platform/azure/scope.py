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
    from lab.settings import groups


@dataclass(frozen=True, kw_only=True)
class AzureArgs:
    """Arguments of the Azure platform.

    Attributes:
        settings: of the target `azure`.
        stack: its name, from which all names in Azure are derived.
        tags: of everything that takes tags.
        kubernetes_version: a minor version, of which AKS takes the newest patch, or an exact version.
        cost_per_hour: in US dollars, as an output of the stack; empty if it is not known.
    """

    settings: groups.Azure
    stack: str
    tags: Mapping[str, str]
    kubernetes_version: str
    cost_per_hour: str = ""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The resource group, and what every resource in it needs.

    Attributes:
        kept: hooks that refuse to replace what holds users' data; None while that is allowed.
    """

    args: AzureArgs
    names: AzureNames
    parent: pulumi.Resource
    provider: azure.Provider
    group: resources.ResourceGroup
    subscription: str
    kept: pulumi.ResourceHookBinding | None

    @property
    def settings(self) -> groups.Azure:
        """Settings of the target `azure`."""
        return self.args.settings

    def opts(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        holds_data: bool = False,
        ignore_changes: Sequence[str] = (),
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> ResourceOptions:
        """Return the options of a resource that is deleted with the resource group.

        Args:
            depends_on: what must be there before it.
            holds_data: whether it is empty once it is replaced; it is then kept from that.
            ignore_changes: inputs that are written once and then left alone.
            hooks: of a resource that holds no data.
        """
        kept = self.kept if holds_data else None
        return ResourceOptions(
            parent=self.parent,
            provider=self.provider,
            deleted_with=self.group,
            depends_on=depends_on,
            protect=holds_data and self.settings.protect,
            ignore_changes=list(ignore_changes),
            hooks=kept or hooks,
            # With fixed names the provider would delete first, before any hook can refuse.
            delete_before_replace=False if kept else None,
        )
