"""The resource types that the stand-in knows: their names, their paths and what forces a replacement."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tests.azure.standin.errors import StandinError

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_CLUSTER = _GROUP + "/providers/Microsoft.ContainerService/managedClusters/{resourceName}"


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One type of resource.

    Attributes:
        token: its name in Pulumi.
        arm_type: its name in Azure.
        api_version: the version of Azure's API that azure-native speaks for it by default.
        model: module and class of Microsoft's model of its request body.
        path: the template of its ARM id.
        replaces: dotted properties beside the path's that cannot change in place.
    """

    token: str
    arm_type: str
    api_version: str
    model: str
    path: str
    replaces: frozenset[str] = frozenset()

    @cached_property
    def path_parameters(self) -> tuple[str, ...]:
        """The inputs that are parts of the id; the last is the resource's own name."""
        return tuple(name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId")

    @property
    def model_class(self) -> type:
        """Microsoft's model; imported when first needed, as each package takes most of a second."""
        module, _, name = self.model.partition(":")
        found: type = getattr(importlib.import_module(module), name)
        return found

    def id_of(self, inputs: Mapping[str, str], subscription: str) -> str:
        """The ARM id of the resource with these inputs."""
        parameters = {name: inputs[name].strip("/") for name in self.path_parameters}
        return "/" + self.path.format(subscriptionId=subscription, **parameters).lstrip("/")


RESOURCE_GROUP = ResourceType(
    token="azure-native:resources:ResourceGroup",  # noqa: S106 - a type's name
    arm_type="Microsoft.Resources/resourceGroups",
    api_version="2024-03-01",
    model="azure.mgmt.resource.resources.models:ResourceGroup",
    path=_GROUP,
    replaces=frozenset({"location"}),
)
REGISTRY = ResourceType(
    token="azure-native:containerregistry:Registry",  # noqa: S106 - a type's name
    arm_type="Microsoft.ContainerRegistry/registries",
    api_version="2023-01-01-preview",
    model="azure.mgmt.containerregistry.models:Registry",
    path=_GROUP + "/providers/Microsoft.ContainerRegistry/registries/{registryName}",
    replaces=frozenset({"location"}),
)
IMPORT = ResourceType(
    token="az:acr:import",  # noqa: S106 - a command's name
    arm_type="Microsoft.ContainerRegistry/registries/importImage",
    api_version="2025-11-01",
    model="azure.mgmt.containerregistry.models:ImportImageParameters",
    path=REGISTRY.path,
)
"""No resource: an action on a registry, which az asks for."""

IDENTITY = ResourceType(
    token="azure-native:managedidentity:UserAssignedIdentity",  # noqa: S106 - a type's name
    arm_type="Microsoft.ManagedIdentity/userAssignedIdentities",
    api_version="2023-01-31",
    model="azure.mgmt.msi.v2024_11_30.models:Identity",
    path=_GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    replaces=frozenset({"location"}),
)
ROLE_ASSIGNMENT = ResourceType(
    token="azure-native:authorization:RoleAssignment",  # noqa: S106 - a type's name
    arm_type="Microsoft.Authorization/roleAssignments",
    api_version="2022-04-01",
    model="azure.mgmt.authorization.v2022_04_01.models:RoleAssignmentCreateParameters",
    path="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    replaces=frozenset({"principalId", "roleDefinitionId"}),
)
CLUSTER = ResourceType(
    token="azure-native:containerservice:ManagedCluster",  # noqa: S106 - a type's name
    arm_type="Microsoft.ContainerService/managedClusters",
    api_version="2025-09-01",
    model="azure.mgmt.containerservice.models:ManagedCluster",
    path=_CLUSTER,
    replaces=frozenset(
        {
            "location",
            "dnsPrefix",
            "nodeResourceGroup",
            "networkProfile.networkPlugin",
            "networkProfile.podCidr",
            "networkProfile.serviceCidr",
        }
    ),
)
AGENT_POOL = ResourceType(
    token="azure-native:containerservice:AgentPool",  # noqa: S106 - a type's name
    arm_type="Microsoft.ContainerService/managedClusters/agentPools",
    api_version="2025-09-01",
    model="azure.mgmt.containerservice.models:AgentPool",
    path=_CLUSTER + "/agentPools/{agentPoolName}",
)
MAINTENANCE = ResourceType(
    token="azure-native:containerservice:MaintenanceConfiguration",  # noqa: S106 - a type's name
    arm_type="Microsoft.ContainerService/managedClusters/maintenanceConfigurations",
    api_version="2025-09-01",
    model="azure.mgmt.containerservice.models:MaintenanceConfiguration",
    path=_CLUSTER + "/maintenanceConfigurations/{configName}",
)
BUDGET = ResourceType(
    token="azure-native:consumption:Budget",  # noqa: S106 - a type's name
    arm_type="Microsoft.Consumption/budgets",
    api_version="2024-08-01",
    model="azure.mgmt.consumption.models:Budget",
    path="{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
)

RESOURCES = {
    each.token: each
    for each in (
        RESOURCE_GROUP,
        REGISTRY,
        IDENTITY,
        ROLE_ASSIGNMENT,
        CLUSTER,
        AGENT_POOL,
        MAINTENANCE,
        BUDGET,
    )
}


def resource_type(token: str) -> ResourceType:
    """The type that Pulumi calls so."""
    if token not in RESOURCES:
        raise StandinError(f"the stand-in for azure-native does not know the resource type {token}")
    return RESOURCES[token]
