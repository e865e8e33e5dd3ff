"""What Azure shows of a resource: what was asked for, and all that Azure adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.azure.standin import resources
from tests.azure.standin.account import client_id, principal_id, uuid_of
from tests.azure.standin.wire import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.azure.standin.request import Request

Values = dict[str, Any]

_MADE = "2026-11-02T09:00:00Z"
_DEFAULT_VERSION = "1.35"
_PATCH = 2


def shown(request: Request, state: str = "Succeeded") -> Values:
    """The properties of a resource once a request is fulfilled.

    Args:
        request: what was asked for.
        state: where Azure is with it.
    """
    path = request.type.path_parameters
    asked = {key: value for key, value in request.inputs.items() if key not in path}
    common: Values = {"name": request.name, "azureApiVersion": request.type.api_version}
    if request.type != resources.AGENT_POOL:
        common["type"] = request.type.arm_type
    if isinstance(location := asked.get("location"), str):
        common["location"] = location.lower().replace(" ", "")
    return {**asked, **common, **_ADDED[request.type.token](request, state)}


def foreseen(request: Request, id_is_known: bool) -> Values:  # noqa: FBT001 - the one question there is
    """What a preview can tell of a resource.

    Args:
        request: what will be asked for.
        id_is_known: whether the resource exists, so that only what depends on unknown inputs is unknown.
    """
    values = shown(request)
    masked: Values = _open(values) if id_is_known else _not_asked(values, request.inputs)
    return masked


def _open(value: Any) -> Any:  # noqa: ANN401 - of any shape
    """Text made with something unknown is unknown as a whole."""
    if isinstance(value, dict):
        return {key: _open(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_open(child) for child in value]
    return UNKNOWN if is_unknown(value) else value


def _not_asked(value: Any, asked: Any) -> Any:  # noqa: ANN401 - of any shape
    """What nobody asked for is Azure's to say."""
    if isinstance(value, dict) and isinstance(asked, dict):
        return {key: _not_asked(child, asked.get(key)) for key, child in value.items()}
    return value if value == asked else UNKNOWN


def _object(value: object) -> Values:
    """An object of the inputs; one that is missing or unknown says nothing."""
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _patched(version: str) -> str:
    return f"{version}.{_PATCH}" if version.count(".") == 1 else version


def _group(_request: Request, state: str) -> Values:
    return {"properties": {"provisioningState": state}}


def _registry(request: Request, state: str) -> Values:
    sku = _object(request.inputs.get("sku"))
    return {
        "adminUserEnabled": request.inputs.get("adminUserEnabled", False),
        "creationDate": _MADE,
        "loginServer": f"{request.name.lower()}.azurecr.io",
        "privateEndpointConnections": [],
        "provisioningState": state,
        "sku": {**sku, "tier": sku.get("name", UNKNOWN)},
    }


def _identity(request: Request, _state: str) -> Values:
    return {
        "clientId": client_id(request.id),
        "principalId": principal_id(request.id),
        "tenantId": request.account.tenant,
    }


def _role_assignment(request: Request, _state: str) -> Values:
    return {
        "scope": request.inputs["scope"],
        "principalType": request.inputs.get("principalType", "ServicePrincipal"),
        "createdBy": request.account.principal,
        "createdOn": _MADE,
        "updatedBy": request.account.principal,
        "updatedOn": _MADE,
    }


def _cluster(request: Request, state: str) -> Values:
    inputs = request.inputs
    location = str(inputs.get("location", "")).lower().replace(" ", "")
    version = str(inputs.get("kubernetesVersion", _DEFAULT_VERSION))
    prefix = inputs.get("dnsPrefix", request.name)
    group = inputs.get("nodeResourceGroup") or f"MC_{request.group}_{request.name}_{location}"
    added: Values = {
        "agentPoolProfiles": [_pool(each, version, state) for each in _list(inputs.get("agentPoolProfiles"))],
        "currentKubernetesVersion": _patched(version),
        "enableRBAC": inputs.get("enableRBAC", True),
        "fqdn": f"{prefix}-{uuid_of(request.id)[:8]}.hcp.{location}.azmk8s.io",
        "identity": _control_plane_identity(request),
        "identityProfile": _kubelet_identity(request, group),
        "kubernetesVersion": version,
        "maxAgentPools": 100,
        "nodeResourceGroup": group,
        "powerState": {"code": "Running"},
        "provisioningState": state,
        "resourceUID": uuid_of(request.id, "uid").replace("-", "")[:24],
        "supportPlan": inputs.get("supportPlan", "KubernetesOfficial"),
    }
    if is_unknown(inputs.get("agentPoolProfiles")):
        added["agentPoolProfiles"] = UNKNOWN
    if _object(profile := inputs.get("oidcIssuerProfile")).get("enabled"):
        issuer = f"https://{location}.oic.prod-aks.azure.com/{request.account.tenant}/{uuid_of(request.id, 'oidc')}/"
        added["oidcIssuerProfile"] = {**_object(profile), "issuerURL": issuer}
    return added


def _control_plane_identity(request: Request) -> Values | str:
    identity = request.inputs.get("identity")
    if is_unknown(identity):
        return UNKNOWN
    type_ = _object(identity).get("type", "None")
    if type_ == "SystemAssigned":
        return {"type": type_, "principalId": principal_id(request.id), "tenantId": request.account.tenant}
    given = _object(identity).get("userAssignedIdentities")
    ids = {each: {"clientId": client_id(each), "principalId": principal_id(each)} for each in _list(given)}
    is_open = is_unknown(given) or any(map(is_unknown, ids))
    return {"type": type_, **({"userAssignedIdentities": UNKNOWN if is_open else ids} if given else {})}


def _kubelet_identity(request: Request, group: str) -> Values:
    given = _object(_object(request.inputs.get("identityProfile")).get("kubeletidentity"))
    made = (
        f"/subscriptions/{request.account.subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{request.name}-agentpool"
    )
    id_ = given.get("resourceId", made)
    return {"kubeletidentity": {"resourceId": id_, "clientId": client_id(id_), "objectId": principal_id(id_)}}


def _pool(inputs: Values, version: str, state: str) -> Values:
    wanted = str(inputs.get("orchestratorVersion", version))
    return {
        "enableFIPS": False,
        "kubeletDiskType": "OS",
        "maxPods": 250,
        "mode": "User",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "osSKU": "Ubuntu",
        "osType": "Linux",
        "scaleDownMode": "Delete",
        "type": "VirtualMachineScaleSets",
        **inputs,
        "currentOrchestratorVersion": _patched(wanted),
        "nodeImageVersion": "AKSUbuntu-2404gen2containerd-202610.19.0",
        "orchestratorVersion": wanted,
        "powerState": inputs.get("powerState", {"code": "Running"}),
        "provisioningState": state,
    }


def _agent_pool(request: Request, state: str) -> Values:
    path = request.type.path_parameters
    asked = {key: value for key, value in request.inputs.items() if key not in path}
    return _pool(asked, _DEFAULT_VERSION, state)


def _maintenance(_request: Request, _state: str) -> Values:
    return {}


def _budget(request: Request, _state: str) -> Values:
    period = _object(request.inputs.get("timePeriod"))
    start = str(period.get("startDate", ""))
    # Azure's own default is ten years.
    end = f"{int(start[:4]) + 10}{start[4:]}" if start[:4].isdigit() else UNKNOWN
    return {
        "currentSpend": {"amount": 0, "unit": "USD"},
        "eTag": f'"{uuid_of(request.id)[:15]}"',
        "timePeriod": {"endDate": end, **period},
    }


_ADDED: dict[str, Callable[[Request, str], Values]] = {
    resources.RESOURCE_GROUP.token: _group,
    resources.REGISTRY.token: _registry,
    resources.IDENTITY.token: _identity,
    resources.ROLE_ASSIGNMENT.token: _role_assignment,
    resources.CLUSTER.token: _cluster,
    resources.AGENT_POOL.token: _agent_pool,
    resources.MAINTENANCE.token: _maintenance,
    resources.BUDGET.token: _budget,
}
