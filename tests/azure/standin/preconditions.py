"""What Azure demands of a request in view of what exists already."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.azure.standin import resources
from tests.azure.standin.errors import AzureError, StandinError, principal_not_found, resource_not_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.azure.standin.request import Request
    from tests.azure.standin.store import State

_MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"


def demand(request: Request, state: State) -> None:
    """Refuse a request that what exists does not allow."""
    if request.method == "delete":
        return
    _demand_group(request, state)
    if request.method == "create":
        _demand_new(request, state)
    if request.type in (resources.AGENT_POOL, resources.MAINTENANCE):
        _demand_cluster(request, state)
    if request.type in (resources.AGENT_POOL, resources.CLUSTER):
        _demand_running(request, state)
    if request.type == resources.ROLE_ASSIGNMENT and request.inputs["principalId"] not in _principals(request, state):
        raise principal_not_found(request.inputs["principalId"], request.account.tenant)
    if request.type == resources.CLUSTER and request.method == "create":
        _demand_kubelet_permission(request.inputs, state)


def _demand_group(request: Request, state: State) -> None:
    if request.type == resources.RESOURCE_GROUP or not request.group:
        return
    if state.find("/".join(request.id.split("/")[:5])) is None:
        raise AzureError(
            HTTPStatus.NOT_FOUND, "ResourceGroupNotFound", f"Resource group '{request.group}' could not be found."
        )


def _demand_new(request: Request, state: State) -> None:
    exists = AzureError(HTTPStatus.CONFLICT, "RoleAssignmentExists", "The role assignment already exists.")
    if request.type == resources.ROLE_ASSIGNMENT and _has_same_role(request.inputs, state):
        raise exists
    if state.find(request.id) is None:
        return
    # azure-native looks first and never adopts what it did not make.
    raise (
        exists
        if request.type == resources.ROLE_ASSIGNMENT
        else StandinError(f"cannot create already existing resource '{request.id}'")
    )


def _has_same_role(inputs: dict[str, Any], state: State) -> bool:
    same = ("scope", "principalId", "roleDefinitionId")
    return any(
        all(each.inputs[name].lower() == inputs[name].lower() for name in same)
        for each in state.of_type(resources.ROLE_ASSIGNMENT.token)
    )


def _cluster_of(request: Request) -> str:
    return "/".join(request.id.split("/")[:9])


def _demand_cluster(request: Request, state: State) -> None:
    if state.find(_cluster_of(request)) is None:
        raise resource_not_found(resources.CLUSTER.arm_type, request.inputs["resourceName"], request.group)


def _demand_running(request: Request, state: State) -> None:
    cluster = state.find(_cluster_of(request))
    if cluster is not None and cluster.properties.get("powerState", {}).get("code") == "Stopped":
        raise AzureError(
            HTTPStatus.CONFLICT,
            "OperationNotAllowed",
            "Operation is not allowed: managed cluster is in Provisioning State(Succeeded) and Power State(Stopped), "
            "updating cannot be performed. Only start and delete are allowed while the cluster is stopped.",
        )


def _principals(request: Request, state: State) -> Iterator[str]:
    """The object ids that the directory knows."""
    yield request.account.principal
    for each in state.of_type(resources.IDENTITY.token):
        yield each.properties["principalId"]
    for each in state.of_type(resources.CLUSTER.token):
        if "principalId" in each.properties.get("identity", {}):
            yield each.properties["identity"]["principalId"]
        for identity in each.properties.get("identityProfile", {}).values():
            yield identity["objectId"]


def _demand_kubelet_permission(inputs: dict[str, Any], state: State) -> None:
    kubelet = inputs.get("identityProfile", {}).get("kubeletidentity", {}).get("resourceId")
    if kubelet is None:
        return
    control_planes = [state.find(each) for each in inputs["identity"].get("userAssignedIdentities", ())]
    principals = [each.properties["principalId"] for each in control_planes if each is not None]
    if not principals or not all(_may_operate(each, kubelet, state) for each in principals):
        raise AzureError(
            HTTPStatus.BAD_REQUEST,
            "CustomKubeletIdentityMissingPermissionError",
            "The cluster using user-assigned managed identity must be granted 'Managed Identity Operator' role to "
            "assign kubelet identity. You can run 'az role assignment create --assignee "
            "<control-plane-identity-principal-id> --role 'Managed Identity Operator' --scope "
            "<kubelet-identity-resource-id>' to grant the permission. See "
            "https://learn.microsoft.com/en-us/azure/aks/use-managed-identity#add-role-assignment",
        )


def _may_operate(principal: str, identity: str, state: State) -> bool:
    """Whether a principal holds the role on an identity or, as roles are inherited, on what contains it."""
    return any(
        each.inputs["principalId"] == principal
        and each.inputs["roleDefinitionId"].endswith(f"/{_MANAGED_IDENTITY_OPERATOR}")
        and f"{identity}/".lower().startswith(f"{each.inputs['scope'].rstrip('/')}/".lower())
        for each in state.of_type(resources.ROLE_ASSIGNMENT.token)
    )
