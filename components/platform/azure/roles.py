"""Azure role assignments under names that follow from what is granted to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import authorization

from components.platform.naming import role_assignment_name

if TYPE_CHECKING:
    from components.platform.azure.scope import Scope

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
"""AcrPull: pull images, nothing else. Azure's built-in roles have the same id in every tenant."""

MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
"""Managed Identity Operator: required by AKS' identity on the kubelets' identity."""

AKS_RBAC_CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
"""Everything inside one cluster."""

CLUSTER_ADMIN = "Azure Kubernetes Service RBAC Cluster Admin"
"""The name of that role."""

_FOR_PEOPLE = frozenset(
    {
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",  # the Azure CLI
        "b677c290-cf4b-4a8e-a60e-91ba650a4abe",  # Cloud Shell in the portal
        "b1395854-dccf-4fe6-9186-655f101f919b",  # shell.azure.com
        "1950a258-227b-4e31-a9cf-717495945fc2",  # Azure PowerShell
        "872cd9fa-d31f-45e0-9eab-6e460a02d1f1",  # Visual Studio
        "aebc6443-996d-45c2-90f0-388ff96faa56",  # Visual Studio Code
        "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",  # the portal
    }
)
"""Microsoft's applications through which people log in; the ids are the same in every directory."""


def type_of_caller(client_id: str) -> authorization.PrincipalType:
    """Tell a person, who logs in through an application of Microsoft, from an application such as a pipeline."""
    if client_id.lower() in _FOR_PEOPLE:
        return authorization.PrincipalType.USER
    return authorization.PrincipalType.SERVICE_PRINCIPAL


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One role for one principal on one scope.

    Attributes:
        role: id of a built-in role.
        scope: ARM id of what the role is for.
        scope_name: its name, which unlike its id is known before it exists.
        principal: OBJECT id of who gets it; the client id of the same identity grants nothing.
        principal_type: for service principals, which managed identities are, Azure does not look into its directory,
            which lags. The provider's default is a user.
    """

    role: str
    scope: pulumi.Input[str]
    scope_name: pulumi.Input[str]
    principal: pulumi.Input[str]
    principal_type: pulumi.Input[authorization.PrincipalType] = authorization.PrincipalType.SERVICE_PRINCIPAL


def grant(name: str, args: Grant, scope: Scope) -> authorization.RoleAssignment:
    """Assign a role; the definitions of built-in roles are found below the subscription."""
    return authorization.RoleAssignment(
        name,
        # With the id of who gets it: an identity that is made anew under its old name is another one, and Azure lets no
        # assignment change hands.
        role_assignment_name=pulumi.Output.all(args.scope_name, args.principal).apply(
            lambda names: role_assignment_name(names[0], names[1], args.role)
        ),
        scope=args.scope,
        principal_id=args.principal,
        principal_type=args.principal_type,
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/", scope.subscription, "/providers/Microsoft.Authorization/roleDefinitions/", args.role
        ),
        # A stack of an earlier release keeps the names that it has.
        opts=scope.opts(ignore_changes=["roleAssignmentName"]),
    )
