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
    """

    settings: groups.Azure
    stack: str
    tags: Mapping[str, str]
    kubernetes_version: str


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The resource group, and what every resource in it needs."""

    args: AzureArgs
    names: pulumi.Output[AzureNames]
    parent: pulumi.Resource
    provider: azure.Provider
    group: resources.ResourceGroup
    subscription: pulumi.Output[str]

    @property
    def settings(self) -> groups.Azure:
        """Settings of the target `azure`."""
        return self.args.settings

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
            protect=protect and self.settings.protect,
            ignore_changes=list(ignore_changes),
            hooks=hooks,
        )
