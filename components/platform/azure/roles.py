"""Azure role assignments: which roles the lab grants, under stable names, patient with a directory that lags."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, ResourceHookBinding, ResourceOptions
from pulumi_azure_native import authorization

from components.platform.naming import role_assignment_name

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
"""AcrPull: pull images, nothing else. Azure's built-in roles have the same id in every tenant."""

MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
"""Managed Identity Operator: what AKS' own identity needs on the identity that its nodes pull images with."""

AKS_RBAC_CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
"""Azure Kubernetes Service RBAC Cluster Admin: everything inside one cluster."""

_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The Azure CLI's own application id, the same in every directory."""

_PAUSE = 2.0
"""Seconds between two tries."""

_TRIES = 60
"""Tries before giving up: two minutes. Azure's directory usually knows a new identity within one."""

_TRIES_IN_CLUSTER = 180
"""The same for a role inside a cluster: six minutes. Azure says that it takes up to five."""


def type_of_caller(client_id: str) -> authorization.PrincipalType:
    """Whether a person runs this, or an application such as a pipeline.

    Args:
        client_id: of the login: that of the Azure CLI for a person, its own for an application.
    """
    return (
        authorization.PrincipalType.USER if client_id == _AZURE_CLI else authorization.PrincipalType.SERVICE_PRINCIPAL
    )


def patience() -> ResourceHookBinding:
    """Try again while Azure's directory does not know an identity that was just made."""
    return _again("azure-directory", _TRIES, "PrincipalNotFound", "does not exist in the directory")


def patience_in_cluster() -> ResourceHookBinding:
    """Try again while a cluster does not know of a role that was just granted."""
    return _again("azure-rbac", _TRIES_IN_CLUSTER, "does not have access to the resource in Azure", "is forbidden")


def _again(name: str, tries: int, *signs: str) -> ResourceHookBinding:
    async def again(args: ErrorHookArgs) -> bool:
        if len(args.errors) >= tries or not any(sign in args.errors[0] for sign in signs):
            return False
        await asyncio.sleep(_PAUSE)
        return True

    return ResourceHookBinding(on_error=[ErrorHook(name, again)])


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One role for one principal on one scope.

    Attributes:
        role: id of a built-in role.
        scope: ARM id of what the role is for.
        scope_name: its name, which unlike its id is known before it is there.
        principal: OBJECT id of who gets it; the client id of the same identity is a common mistake: it grants nothing.
        principal_name: its name, or whatever else is known of it from the beginning.
        principal_type: for what is said to be a service principal, which managed identities are, Azure does not look
            into its directory, which lags. Left out, the provider says that it is a user.
    """

    role: str
    scope: pulumi.Input[str]
    scope_name: pulumi.Input[str]
    principal: pulumi.Input[str]
    principal_name: pulumi.Input[str]
    principal_type: pulumi.Input[authorization.PrincipalType] = authorization.PrincipalType.SERVICE_PRINCIPAL


def grant(
    name: str, args: Grant, subscription: pulumi.Input[str], opts: ResourceOptions
) -> authorization.RoleAssignment:
    """Assign a role.

    Args:
        name: logical name.
        args: what is granted.
        subscription: its id, below which the definitions of built-in roles are found.
        opts: parent, provider and order.
    """
    return authorization.RoleAssignment(
        name,
        role_assignment_name=pulumi.Output.all(args.scope_name, args.principal_name).apply(
            lambda names: role_assignment_name(names[0], names[1], args.role)
        ),
        scope=args.scope,
        principal_id=args.principal,
        principal_type=args.principal_type,
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", args.role
        ),
        opts=opts,
    )
