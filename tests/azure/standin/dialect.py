"""Where azure-native 3.29.0 and Microsoft's newest models part, so that the models judge what azure-native sends.

The models describe the newest API versions; azure-native speaks an older default version of each (see `resources`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tests.azure.standin import specs
from tests.azure.standin.specs import Choice, ListOf, MapOf, Nested, Property

if TYPE_CHECKING:
    from collections.abc import Mapping

# In Azure's API a map of objects; azure-native takes a list of ids and makes the map.
_KINDS = {("ManagedClusterIdentity", "userAssignedIdentities"): ListOf(specs.STRING)}

# azure-native's own name for it.
_NAMES = {("IPRule", "value"): "iPAddressOrRange"}

# Registries are spoken to in a preview version, whose soft deletion never became part of a stable one.
_OLDER = {"Policies": (Property(name="softDeletePolicy", kind=MapOf(specs.ANYTHING)),)}

_POOL = frozenset({"artifactStreamingProfile", "nodeImageVersion", "status"})

# What Azure has learned since the default versions.
_NEWER: Mapping[str, frozenset[str]] = {
    "AdvancedNetworking": frozenset({"performance"}),
    "AdvancedNetworkingSecurity": frozenset({"transitEncryption"}),
    "AgentPoolManagedClusterAgentPoolProfileProperties": _POOL,
    "AgentPoolNetworkProfile": frozenset({"dranet"}),
    "GPUProfile": frozenset({"nvidia"}),
    "Identity": frozenset({"isolationScope"}),
    "IstioComponents": frozenset({"proxyRedirectionMechanism"}),
    "ManagedClusterAgentPoolProfile": _POOL,
    "ManagedClusterAzureMonitorProfile": frozenset({"appMonitoring", "containerInsights"}),
    "ManagedClusterAzureMonitorProfileMetrics": frozenset({"controlPlane"}),
    "ManagedClusterHTTPProxyConfig": frozenset({"enabled"}),
    "ManagedClusterIngressProfile": frozenset({"gatewayAPI"}),
    "ManagedClusterIngressProfileWebAppRouting": frozenset({"gatewayAPIImplementations"}),
    "ManagedClusterManagedOutboundIPProfile": frozenset({"countIPv6"}),
    "ManagedClusterNATGatewayProfile": frozenset({"outboundIPPrefixes", "outboundIPs", "sku"}),
    "ManagedClusterProperties": frozenset({"enableFIPS", "hostedSystemProfile", "schedulerProfile", "status"}),
    "ManagedClusterSecurityProfile": frozenset({"kubernetesResourceObjectEncryptionProfile"}),
    "ManagedClusterSecurityProfileDefender": frozenset({"securityGating"}),
    "RegistryProperties": frozenset({"networkRuleBypassAllowedForTasks", "roleAssignmentMode"}),
    "ScaleProfile": frozenset({"autoscale"}),
}
_NEWER_MEMBERS = {
    "osSKU": frozenset({"AzureContainerLinux", "Ubuntu2404", "Windows2025"}),
    "sshAccess": frozenset({"EntraId"}),
}


@cache
def properties(model: type) -> dict[str, Property]:
    """The properties of a model under azure-native's names and in its version of the API."""
    newer = _NEWER.get(model.__name__, frozenset())
    kept = [_spoken(model, each) for name, each in specs.properties(model).items() if name not in newer]
    return {each.name: each for each in (*kept, *_OLDER.get(model.__name__, ()))}


@cache
def request_body(model: type) -> dict[str, Property]:
    """The properties of a resource's model as azure-native has them: what ARM nests in `properties` is beside it."""
    found = properties(model)
    match found.get("properties"):
        case Property(kind=Nested(inner)):
            # An agent pool's own `type` hides the type that every ARM resource has.
            return {**{name: each for name, each in found.items() if name != "properties"}, **properties(inner)}
        case _:
            return found


def _spoken(model: type, each: Property) -> Property:
    # The autoscaler's settings are named like its command line's.
    camel = re.sub(r"-(\w)", lambda match: match[1].upper(), each.name)
    kind = _KINDS.get((model.__name__, each.name), each.kind)
    if isinstance(kind, Choice):
        newer = _NEWER_MEMBERS.get(each.name, frozenset())
        kind = Choice(tuple(member for member in kind.members if member not in newer))
    return replace(each, name=_NAMES.get((model.__name__, each.name), camel), kind=kind)
