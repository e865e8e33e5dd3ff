"""Azure role assignments under stable names, retried until Azure's directory has caught up."""

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
"""Managed Identity Operator: required by AKS' identity on the kubelets' identity."""

AKS_RBAC_CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
"""Azure Kubernetes Service RBAC Cluster Admin: everything inside one cluster."""

_AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The Azure CLI's own application id, the same in every directory."""

_PAUSE = 2.0
"""Seconds between two attempts."""

_TRIES = 60
"""Attempts in two minutes; Azure's directory usually knows a new identity within one."""

_TRIES_IN_CLUSTER = 180
"""Attempts in six minutes, for a role inside a cluster; Azure documents up to five."""


def type_of_caller(client_id: str) -> authorization.PrincipalType:
    """Tell a person, who logs in through the Azure CLI, from an application such as a pipeline."""
    return (
        authorization.PrincipalType.USER if client_id == _AZURE_CLI else authorization.PrincipalType.SERVICE_PRINCIPAL
    )


def retry_until_propagated() -> ResourceHookBinding:
    """Retry while Azure's directory does not know a new identity."""
    return _retry("azure-directory", _TRIES, "PrincipalNotFound", "does not exist in the directory")


def retry_until_propagated_in_cluster() -> ResourceHookBinding:
    """Retry while a cluster does not know a role that was just granted."""
    return _retry("azure-rbac", _TRIES_IN_CLUSTER, "does not have access to the resource in Azure", "is forbidden")


def _retry(name: str, tries: int, *signs: str) -> ResourceHookBinding:
    async def retry(args: ErrorHookArgs) -> bool:
        if len(args.errors) >= tries or not any(sign in args.errors[0] for sign in signs):
            return False
        await asyncio.sleep(_PAUSE)
        return True

    return ResourceHookBinding(on_error=[ErrorHook(name, retry)])


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One role for one principal on one scope.

    Attributes:
        role: id of a built-in role.
        scope: ARM id of what the role is for.
        scope_name: its name, which unlike its id is known before it exists.
        principal: OBJECT id of who gets it; the client id of the same identity grants nothing.
        principal_name: its name, or something else that is known before it exists.
        principal_type: for service principals, which managed identities are, Azure does not look into its directory,
            which lags. The provider's default is a user.
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
    """Assign a role; the definitions of built-in roles are found below the subscription."""
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
