"""What Azure demands of inputs beyond their types, as far as the inputs alone show it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.azure.standin import resources
from tests.azure.standin.models import Problem
from tests.azure.standin.wire import is_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.azure.standin.resources import ResourceType

_MOST_NOTIFICATIONS = 5
_LONGEST_DNS_PREFIX = 54


@dataclass(frozen=True)
class Rule:
    """A demand on one property.

    Attributes:
        resource: whose.
        path: of the property; objects are followed, and the first of a list.
        allowed: the demand, in words.
        holds: whether a value meets it; asked only of values that are given and known.
        required: whether the property may not be left out where there is an object for it.
    """

    resource: ResourceType
    path: str
    allowed: str
    holds: Callable[[Any, Mapping[str, Any]], bool]
    required: bool = False


def problems(resource: ResourceType, inputs: Mapping[str, Any]) -> list[Problem]:
    """Everything in a resource's inputs that breaks a rule; what is unknown breaks none."""
    return list(_broken(resource, inputs))


def _broken(resource: ResourceType, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    for rule in RULES:
        if rule.resource != resource:
            continue
        value = _at(inputs, rule.path)
        if value is None:
            if rule.required and isinstance(_at(inputs, rule.path.rpartition(".")[0]), dict):
                yield Problem(rule.path, value, rule.allowed)
        elif not is_unknown(value) and not rule.holds(value, inputs):
            yield Problem(rule.path, value, rule.allowed)


def _at(values: Any, path: str) -> Any:  # noqa: ANN401 - of any shape
    for key in re.findall(r"\w+", path):
        if isinstance(values, list):
            values = values[int(key)] if len(values) > int(key) else None
        else:
            values = values.get(key) if isinstance(values, dict) else values if is_unknown(values) else None
    return values


def _matches(pattern: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda value, _inputs: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_guid(value: object, _inputs: Mapping[str, Any]) -> bool:
    try:
        return str(uuid.UUID(str(value))) == str(value).lower()
    except ValueError:
        return False


def _is_first_of_month(value: str, _inputs: Mapping[str, Any]) -> bool:
    try:
        return datetime.fromisoformat(value).day == 1
    except ValueError:
        return True  # the models say that it is no time


def _is_not_private(_value: object, inputs: Mapping[str, Any]) -> bool:
    return _at(inputs, "apiServerAccessProfile.enablePrivateCluster") is not True


def _is_user_assigned(_value: object, inputs: Mapping[str, Any]) -> bool:
    type_ = _at(inputs, "identity.type")
    return type_ == "UserAssigned" or is_unknown(type_)


_POOL_NAME = r"[a-z][a-z0-9]{0,11}"
_ROLE_DEFINITION = r"/subscriptions/[^/]+/providers/Microsoft\.Authorization/roleDefinitions/[0-9a-fA-F-]{36}"

RULES = (
    Rule(
        resources.REGISTRY,
        "registryName",
        "a registry's name has 5 to 50 letters and digits",
        _matches("[a-zA-Z0-9]{5,50}"),
    ),
    Rule(
        resources.BUDGET,
        "timePeriod.startDate",
        "a budget starts on the first of a month",
        _is_first_of_month,
    ),
    Rule(
        resources.BUDGET,
        "notifications",
        f"a budget has at most {_MOST_NOTIFICATIONS} notifications",
        lambda value, _: len(value) <= _MOST_NOTIFICATIONS,
    ),
    Rule(
        resources.ROLE_ASSIGNMENT,
        "roleAssignmentName",
        "a role assignment's name is a GUID",
        _is_guid,
    ),
    Rule(
        resources.ROLE_ASSIGNMENT,
        "roleDefinitionId",
        "expected is /subscriptions/<id>/providers/Microsoft.Authorization/roleDefinitions/<GUID>",
        _matches(_ROLE_DEFINITION),
    ),
    Rule(
        resources.CLUSTER,
        "dnsPrefix",
        f"a DNS prefix has 1 to {_LONGEST_DNS_PREFIX} letters, digits and hyphens, no hyphen at an end",
        _matches(rf"[a-zA-Z0-9]([a-zA-Z0-9-]{{0,{_LONGEST_DNS_PREFIX - 2}}}[a-zA-Z0-9])?"),
    ),
    Rule(
        resources.CLUSTER,
        "agentPoolProfiles[0].name",
        "a Linux pool's name has 1 to 12 lower-case letters and digits, a letter first",
        _matches(_POOL_NAME),
    ),
    Rule(
        resources.AGENT_POOL,
        "agentPoolName",
        "a Linux pool's name has 1 to 12 lower-case letters and digits, a letter first",
        _matches(_POOL_NAME),
    ),
    Rule(
        resources.CLUSTER,
        "agentPoolProfiles[0].mode",
        "the first pool is of mode System",
        lambda value, _: value == "System",
        required=True,
    ),
    Rule(
        resources.CLUSTER,
        "agentPoolProfiles[0].scaleSetPriority",
        "the first pool is not of Spot priority",
        lambda value, _: value != "Spot",
    ),
    Rule(
        resources.CLUSTER,
        "agentPoolProfiles[0].vmSize",
        "system pools do not run on VMs of the B series",
        lambda value, _: not str(value).lower().startswith("standard_b"),
    ),
    Rule(
        resources.CLUSTER,
        "apiServerAccessProfile.authorizedIPRanges",
        "authorized ranges do not go with enablePrivateCluster",
        _is_not_private,
    ),
    Rule(
        resources.CLUSTER,
        "identityProfile.kubeletidentity",
        "an own kubelet identity goes with a control plane identity of type UserAssigned only",
        _is_user_assigned,
    ),
)
