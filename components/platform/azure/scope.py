"""Arguments of the Azure platform, and what its parts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceHookBinding, ResourceOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
        price: of the lab an hour in US dollars, for a VM size of the nodes; empty if it is not known.
    """

    settings: groups.Azure
    stack: str
    tags: Mapping[str, str]
    kubernetes_version: str
    price: Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The resource group, and what every resource in it needs.

    Attributes:
        kept: the hook that refuses to replace what holds users' data; None while that is allowed.
        retry: the hook of what must be tried again until Azure knows everywhere what was just made.
    """

    args: AzureArgs
    names: AzureNames
    parent: pulumi.Resource
    provider: azure.Provider
    group: resources.ResourceGroup
    subscription: str
    kept: pulumi.ResourceHook | None
    retry: pulumi.ErrorHook

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
    ) -> ResourceOptions:
        """Return the options of a resource that is deleted with the resource group.

        Args:
            depends_on: what must be there before it.
            holds_data: whether it is empty once it is replaced; it is then kept from that.
            ignore_changes: inputs that are written once and then left alone.
        """
        kept = self.kept if holds_data else None
        return ResourceOptions(
            parent=self.parent,
            provider=self.provider,
            deleted_with=self.group,
            depends_on=depends_on,
            protect=holds_data and self.settings.protect,
            ignore_changes=list(ignore_changes),
            hooks=ResourceHookBinding(before_create=[kept] if kept else None, on_error=[self.retry]),
            # With fixed names the provider would delete first, before any hook can refuse.
            delete_before_replace=False if kept else None,
        )
