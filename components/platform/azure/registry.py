"""The registry of the lab's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_azure_native import containerregistry

if TYPE_CHECKING:
    from components.platform.azure.scope import Scope


def make(scope: Scope) -> containerregistry.Registry:
    """Make the registry, without an administrator's password and without anonymous pulls."""
    return containerregistry.Registry(
        "registry",
        registry_name=scope.names.registry,
        resource_group_name=scope.group.name,
        location=scope.settings.location,
        sku=containerregistry.SkuArgs(name=scope.settings.registry_sku),
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        tags=scope.args.tags,
        opts=scope.opts(holds_data=True),
    )
