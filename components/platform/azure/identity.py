"""The identities of the cluster, and what they are granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_azure_native import managedidentity

from components.platform.azure import roles

if TYPE_CHECKING:
    import pulumi
    from pulumi_azure_native import containerregistry

    from components.platform.azure.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Identities:
    """The identity of the control plane, and that of the kubelets, which pull images."""

    control_plane: managedidentity.UserAssignedIdentity
    kubelet: managedidentity.UserAssignedIdentity


def make(scope: Scope) -> Identities:
    """Make both identities."""

    def identity(name: str, azure_name: pulumi.Input[str]) -> managedidentity.UserAssignedIdentity:
        return managedidentity.UserAssignedIdentity(
            name,
            resource_name_=azure_name,
            resource_group_name=scope.group.name,
            location=scope.settings.location,
            tags=scope.args.tags,
            opts=scope.opts(),
        )

    return Identities(
        control_plane=identity("control-plane-identity", scope.names.control_plane_identity),
        kubelet=identity("kubelet-identity", scope.names.kubelet_identity),
    )


def grant(scope: Scope, identities: Identities, registry: containerregistry.Registry) -> list[pulumi.Resource]:
    """Grant what must be granted before there are nodes, so that the first pull works."""
    control_plane, kubelet, names = identities.control_plane, identities.kubelet, scope.names
    pull = roles.Grant(
        role=roles.ACR_PULL,
        scope=registry.id,
        scope_name=names.registry,
        principal=kubelet.principal_id,
    )
    operate = roles.Grant(
        role=roles.MANAGED_IDENTITY_OPERATOR,
        scope=kubelet.id,
        scope_name=names.kubelet_identity,
        principal=control_plane.principal_id,
    )
    return [
        roles.grant("acr-pull", pull, scope),
        roles.grant("identity-operator", operate, scope),
    ]
