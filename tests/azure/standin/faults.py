"""Azure's bad days: refusals that tests order in `faults.json`.

The file maps a fault's name to `true` (every request that fits is refused) or to a number (the first so many are).
There are two exceptions. `SlowCreate` is the seconds that each creation takes, or a map from Pulumi tokens to seconds.
`NotLoggedIn` refuses no request: it fails the provider's `configure`, or the `invoke` that asks who is logged in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from tests.azure.standin import resources
from tests.azure.standin.errors import AzureError, StandinError, principal_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.azure.standin.request import Request
    from tests.azure.standin.resources import ResourceType
    from tests.azure.standin.store import State

_SLOW = "SlowCreate"
NOT_LOGGED_IN = "NotLoggedIn"


@dataclass(frozen=True)
class Fault:
    """A way to refuse.

    Attributes:
        name: in `faults.json`.
        fits: whether it can hit a request.
        error: what Azure answers.
    """

    name: str
    fits: Callable[[Request], bool]
    error: Callable[[Request], AzureError]


def configured(folder: Path) -> dict[str, Any]:
    """The faults that are ordered, none if there is no file."""
    file = folder / "faults.json"
    ordered: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if unknown := ordered.keys() - {each.name for each in FAULTS} - {_SLOW, NOT_LOGGED_IN}:
        raise StandinError(f"faults.json names faults that the stand-in does not know: {', '.join(sorted(unknown))}")
    return ordered


def strike(request: Request, state: State, ordered: dict[str, Any]) -> None:
    """Refuse a request if a fault is ordered for it, and count that."""
    for fault in FAULTS:
        times = ordered.get(fault.name, 0)
        struck = state.faults.get(fault.name, 0)
        if fault.fits(request) and (times is True or struck < times):
            state.faults[fault.name] = struck + 1
            raise fault.error(request)


def demand_login(folder: Path, stage: Literal["configure", "invoke"]) -> None:
    """Refuse to go on where nobody is logged in; what azure-native needs of a login shows at either stage."""
    if configured(folder).get(NOT_LOGGED_IN) == stage:
        raise StandinError("Please run 'az login' to setup account.")


def delay(request: Request, ordered: dict[str, Any]) -> float:
    """Seconds that a creation takes."""
    seconds = ordered.get(_SLOW, 0)
    return float(seconds.get(request.type.token, 0) if isinstance(seconds, dict) else seconds)


def _is(methods: str, *types: ResourceType) -> Callable[[Request], bool]:
    return lambda request: request.method in methods.split() and request.type in types


def _any_write(_request: Request) -> bool:
    return True


def _role_without_principal_type(request: Request) -> bool:
    is_new_role = request.method == "create" and request.type == resources.ROLE_ASSIGNMENT
    return is_new_role and "principalType" not in request.inputs


def _acr_pull(request: Request) -> bool:
    is_new_role = request.method == "create" and request.type == resources.ROLE_ASSIGNMENT
    return is_new_role and "/registries/" in request.inputs.get("scope", "")


def _error(status: HTTPStatus, code: str, message: str) -> Callable[[Request], AzureError]:
    """A refusal whose text has places for what the request is about."""
    return lambda request: AzureError(status, code, message.format(**_words(request)))


def _words(request: Request) -> dict[str, str]:
    pools: Iterable[dict[str, Any]] = request.inputs.get("agentPoolProfiles") or [request.inputs]
    first = next(iter(pools))
    return {
        "action": request.action,
        "client": request.account.client,
        "group": request.group,
        "id": request.id,
        "location": request.inputs.get("location") or request.account.location or "koreacentral",
        "name": request.name,
        "namespace": request.type.arm_type.partition("/")[0],
        "principal": request.account.principal,
        "version": str(request.inputs.get("kubernetesVersion", "")),
        "vm": str(first.get("vmSize", "Standard_D2s_v5")),
    }


def _unknown_principal(request: Request) -> AzureError:
    return principal_not_found(request.inputs["principalId"], request.account.tenant)


_NOT_AUTHORIZED = _error(
    HTTPStatus.FORBIDDEN,
    "AuthorizationFailed",
    "The client '{client}' with object id '{principal}' does not have authorization to perform action '{action}' "
    "over scope '{id}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
)

FAULTS = (
    Fault("PrincipalNotFound", _role_without_principal_type, _unknown_principal),
    Fault("PrincipalNotFoundAlways", _is("create", resources.ROLE_ASSIGNMENT), _unknown_principal),
    # A student is often a Contributor, who may do everything but give roles.
    Fault("AuthorizationFailed", _is("create update delete", resources.ROLE_ASSIGNMENT), _NOT_AUTHORIZED),
    Fault("AuthorizationFailedEverywhere", _any_write, _NOT_AUTHORIZED),
    Fault(
        "SubscriptionNotRegistered",
        _is("create", resources.REGISTRY, resources.IDENTITY, resources.CLUSTER),
        _error(
            HTTPStatus.CONFLICT,
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace '{namespace}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        ),
    ),
    Fault(
        "KubeletPermissionLags",
        _is("create", resources.CLUSTER),
        _error(
            HTTPStatus.BAD_REQUEST,
            "CustomKubeletIdentityMissingPermissionError",
            "The cluster user assigned identity must be given permission to assign kubelet identity {id}. Check access "
            "result not allowed for action Microsoft.ManagedIdentity/userAssignedIdentities/assign/action.",
        ),
    ),
    Fault(
        "IdentityLags",
        _is("create", resources.CLUSTER),
        _error(
            HTTPStatus.FORBIDDEN,
            "LinkedAuthorizationFailed",
            "The client '{client}' with object id '{principal}' has permission to perform action '{action}' on scope "
            "'{id}'; however, it does not have permission to perform action(s) "
            "'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '{id}' "
            "(respectively) or the linked scope(s) are invalid.",
        ),
    ),
    Fault(
        "RegistryLags",
        _acr_pull,
        _error(
            HTTPStatus.NOT_FOUND,
            "ResourceNotFound",
            "The Resource 'Microsoft.ContainerRegistry/registries/{name}' under resource group '{group}' was not "
            "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        ),
    ),
    Fault(
        "ImportLags",
        _is("import", resources.IMPORT),
        _error(
            HTTPStatus.NOT_FOUND,
            "ResourceNotFound",
            "The Resource 'Microsoft.ContainerRegistry/registries/{name}' under resource group '{group}' was not "
            "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        ),
    ),
    Fault("ImportForbidden", _is("import", resources.IMPORT), _NOT_AUTHORIZED),
    Fault(
        "DockerHubLimit",
        _is("import", resources.IMPORT),
        _error(
            HTTPStatus.TOO_MANY_REQUESTS,
            "TooManyRequests",
            'Operation registries-1f0c failed. Resource {id} Invalid message TooManyRequests {{"errors":[{{"code":'
            '"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit. '
            'https://www.docker.com/increase-rate-limit"}}]}}',
        ),
    ),
    Fault(
        "ImageNotFound",
        _is("import", resources.IMPORT),
        _error(
            HTTPStatus.NOT_FOUND,
            "InvalidParameters",
            'Operation registries-1f0c failed. Resource {id} Invalid message NotFound Not Found {{"errors":[{{"code":'
            '"MANIFEST_UNKNOWN","message":"manifest unknown"}}]}}',
        ),
    ),
    Fault(
        "BudgetRefused",
        _is("create", resources.BUDGET),
        _error(
            HTTPStatus.BAD_REQUEST,
            "400",
            "Cost Management supports only Enterprise Agreement, Web direct and Microsoft Customer Agreement offer "
            "types. Invalid Scope {id}.",
        ),
    ),
    Fault(
        "ServicePrincipalQuota",
        _is("create", resources.IDENTITY),
        _error(
            HTTPStatus.FORBIDDEN,
            "Directory_QuotaExceeded",
            "The directory object quota limit for the Principal has been exceeded. Please ask your administrator to "
            "increase the quota limit or delete objects to reduce the used quota.",
        ),
    ),
    Fault(
        "RegistryNameTaken",
        _is("create", resources.REGISTRY),
        _error(
            HTTPStatus.CONFLICT,
            "AlreadyInUse",
            "The registry DNS name {name}.azurecr.io is already in use. You can check if the name is already claimed "
            "using following API: "
            "https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability",
        ),
    ),
    Fault(
        "KubernetesVersionNotSupported",
        _is("create update", resources.CLUSTER),
        _error(
            HTTPStatus.BAD_REQUEST,
            "K8sVersionNotSupported",
            "Managed cluster {name} is on version {version} which is not supported in this region. Please use "
            "[az aks get-versions] command to get the supported version list in this region. For more information, "
            "please check https://aka.ms/supported-version-list",
        ),
    ),
    Fault(
        "QuotaExceeded",
        _is("create update", resources.CLUSTER, resources.AGENT_POOL),
        _error(
            HTTPStatus.BAD_REQUEST,
            "QuotaExceeded",
            "Preflight validation check for resource(s) for container service {name} in resource group {group} "
            "failed. Message: Operation could not be completed as it results in exceeding approved Total Regional "
            "Cores quota. Additional details - Deployment Model: Resource Manager, Location: {location}, Current "
            "Limit: 4, Current Usage: 4, Additional Required: 2, (Minimum) New Limit Required: 6. Setup Alerts when "
            "Quota reaches threshold. Learn more at https://aka.ms/quotamonitoringalerting",
        ),
    ),
    Fault(
        "InsufficientVCPUQuota",
        _is("create update", resources.CLUSTER, resources.AGENT_POOL),
        _error(
            HTTPStatus.BAD_REQUEST,
            "ErrCode_InsufficientVCPUQuota",
            "Insufficient vcpu quota requested 2, remaining 0 for the family of {vm} for region {location}. "
            "Surge nodes would also consume vcpu quota.",
        ),
    ),
    Fault(
        "SkuNotAvailable",
        _is("create update", resources.CLUSTER, resources.AGENT_POOL),
        _error(
            HTTPStatus.CONFLICT,
            "SkuNotAvailable",
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {vm}' is "
            "currently not available in location '{location}'. Please try another size or deploy to a different "
            "location or different zone. See https://aka.ms/azureskunotavailable for details.",
        ),
    ),
    Fault(
        "VMSizeNotAllowed",
        _is("create update", resources.CLUSTER, resources.AGENT_POOL),
        _error(
            HTTPStatus.BAD_REQUEST,
            "BadRequest",
            "The VM size of {vm} is not allowed in your subscription in location '{location}'. The available VM "
            "sizes are 'standard_d2as_v6,standard_d2s_v6,standard_d4as_v6,standard_d4s_v6'. "
            "For more details, please visit https://aka.ms/aks/quotas-skus-regions",
        ),
    ),
    Fault(
        # azure-native waits out AnotherOperationInProgress by itself, but not this code, which AKS uses.
        "Conflict",
        _is("create update delete", resources.CLUSTER, resources.AGENT_POOL, resources.MAINTENANCE),
        _error(
            HTTPStatus.CONFLICT,
            "OperationNotAllowed",
            "Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish "
            "before starting a new operation. See https://aka.ms/aks-pending-operation for more details",
        ),
    ),
)
