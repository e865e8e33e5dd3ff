from __future__ import annotations

import base64
import copy
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import typing
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc  # type: ignore[import-untyped]
import pulumi
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi._types import input_type_py_to_pulumi_names
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.azure.standin import dialect, hook, models, resources, specs, store
from tests.azure.standin.servicer import Servicer
from tests.azure.standin.store import Store
from tests.azure.standin.wire import UNKNOWN, decode, encode, secret_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUBSCRIPTION = "6f9c2ad5-1111-4c5e-8a7e-5f3f8a0e0b01"
TENANT = "6f9c2ad5-2222-4c5e-8a7e-5f3f8a0e0b01"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
MANAGED_IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
ROLE_DEFINITIONS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab"
CONTROL_PLANE = f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/control-plane"
KUBELET = f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/kubelet"
CLUSTER_ID = f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/lab"
REGISTRY_ID = f"{GROUP_ID}/providers/Microsoft.ContainerRegistry/registries/labregistry"
_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}

Inputs = dict[str, Any]

GROUP = "azure-native:resources:ResourceGroup"
REGISTRY = "azure-native:containerregistry:Registry"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ROLE = "azure-native:authorization:RoleAssignment"
CLUSTER = "azure-native:containerservice:ManagedCluster"
POOL = "azure-native:containerservice:AgentPool"
MAINTENANCE = "azure-native:containerservice:MaintenanceConfiguration"
BUDGET = "azure-native:consumption:Budget"

GOOD: dict[str, Inputs] = {
    GROUP: {"resourceGroupName": "lab", "location": "koreacentral", "tags": {"course": "mesh"}},
    REGISTRY: {
        "resourceGroupName": "lab",
        "registryName": "labregistry",
        "location": "Korea Central",
        "sku": {"name": "Basic"},
        "adminUserEnabled": False,
        "networkRuleSet": {"defaultAction": "Allow", "ipRules": [{"iPAddressOrRange": "203.0.113.7"}]},
    },
    IDENTITY: {"resourceGroupName": "lab", "resourceName": "kubelet", "location": "koreacentral"},
    ROLE: {
        "scope": KUBELET,
        "roleAssignmentName": "0f7a5b1e-95c4-5d0e-9d0c-0f53a0b7d001",
        "roleDefinitionId": f"{ROLE_DEFINITIONS}/{MANAGED_IDENTITY_OPERATOR}",
        "principalId": "filled in when the identity is there",
        "principalType": "ServicePrincipal",
    },
    CLUSTER: {
        "resourceGroupName": "lab",
        "resourceName": "lab",
        "location": "koreacentral",
        "dnsPrefix": "lab",
        "kubernetesVersion": "1.36",
        "sku": {"name": "Base", "tier": "Free"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [CONTROL_PLANE]},
        "identityProfile": {"kubeletidentity": {"resourceId": KUBELET}},
        "apiServerAccessProfile": {"authorizedIPRanges": ["203.0.113.7/32"]},
        "oidcIssuerProfile": {"enabled": True},
        "autoScalerProfile": {"expander": "least-waste", "scaleDownDelayAfterAdd": "5m"},
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16"},
        "agentPoolProfiles": [
            {"name": "system", "mode": "System", "vmSize": "Standard_D2s_v5", "osSKU": "Ubuntu", "count": 2}
        ],
    },
    POOL: {
        "resourceGroupName": "lab",
        "resourceName": "lab",
        "agentPoolName": "spot",
        "mode": "User",
        "type": "VirtualMachineScaleSets",
        "vmSize": "Standard_B2s",
        "scaleSetPriority": "Spot",
        "spotMaxPrice": -1,
        "powerState": {"code": "Running"},
    },
    MAINTENANCE: {
        "resourceGroupName": "lab",
        "resourceName": "lab",
        "configName": "aksManagedAutoUpgradeSchedule",
        "maintenanceWindow": {
            "durationHours": 4,
            "startTime": "02:00",
            "utcOffset": "+00:00",
            "startDate": "2026-11-01",
            "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}},
        },
    },
    BUDGET: {
        "scope": GROUP_ID,
        "budgetName": "lab",
        "category": "Cost",
        "amount": 50.5,
        "timeGrain": "Monthly",
        "timePeriod": {"startDate": "2026-11-01T00:00:00Z"},
        "notifications": {
            "Actual80": {
                "enabled": True,
                "operator": "GreaterThan",
                "threshold": 80,
                "thresholdType": "Actual",
                "contactEmails": ["teacher@example.org"],
            }
        },
    },
}


class AbortedError(Exception):
    pass


class Context:
    def abort(self, _code: object, details: str) -> None:
        raise AbortedError(details)


class Lab:
    """A provider as the engine talks to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder)
        self.configure()

    def configure(self, **config: str) -> None:
        """Begin anew, as every Pulumi command does."""
        self.servicer = Servicer(self.store)
        arguments = encode({"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, **config})
        self.servicer.Configure(provider_pb2.ConfigureRequest(args=arguments, acceptSecrets=True), Context())

    def check(self, token: str, inputs: Inputs) -> list[str]:
        return [each.reason for each in self.checked(token, inputs).failures]

    def checked(self, token: str, inputs: Inputs) -> provider_pb2.CheckResponse:
        return self.servicer.Check(provider_pb2.CheckRequest(urn=urn(token), news=encode(inputs)), Context())

    def create(self, token: str, *, preview: bool = False, **changes: object) -> tuple[str, Inputs]:
        inputs = {**copy.deepcopy(GOOD[token]), **changes}
        inputs = {key: value for key, value in inputs.items() if value is not None}
        request = provider_pb2.CreateRequest(urn=urn(token), properties=encode(inputs), preview=preview)
        response = self.servicer.Create(request, Context())
        return response.id, decode(response.properties)

    def update(self, token: str, id_: str, *, preview: bool = False, **changes: object) -> Inputs:
        news = encode({**copy.deepcopy(GOOD[token]), **changes})
        request = provider_pb2.UpdateRequest(urn=urn(token), id=id_, news=news, preview=preview)
        return decode(self.servicer.Update(request, Context()).properties)

    def diff(self, token: str, **changes: object) -> provider_pb2.DiffResponse:
        old = GOOD[token]
        request = provider_pb2.DiffRequest(
            urn=urn(token), old_inputs=encode(old), news=encode({**copy.deepcopy(old), **changes})
        )
        return self.servicer.Diff(request, Context())

    def read(self, token: str, id_: str, inputs: Inputs, properties: Inputs) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(urn=urn(token), id=id_, inputs=encode(inputs), properties=encode(properties))
        return self.servicer.Read(request, Context())

    def delete(self, token: str, id_: str) -> None:
        self.servicer.Delete(provider_pb2.DeleteRequest(urn=urn(token), id=id_), Context())

    def raw_invoke(self, token: str, **arguments: str) -> struct_pb2.Struct:
        request = provider_pb2.InvokeRequest(tok=f"azure-native:{token}", args=encode(arguments))
        return getattr(self.servicer.Invoke(request, Context()), "return")

    def invoke(self, token: str, **arguments: str) -> Inputs:
        return decode(self.raw_invoke(token, **arguments))

    def kubeconfig(self, whose: str = "User", **arguments: str) -> Inputs:
        token = f"containerservice:listManagedCluster{whose}Credentials"
        answer = self.invoke(token, resourceGroupName="lab", resourceName="lab", **arguments)
        content: Inputs = yaml.safe_load(base64.b64decode(answer["kubeconfigs"][0]["value"]))
        return content

    def order(self, **faults: object) -> None:
        (self.folder / "faults.json").write_text(json.dumps(faults))

    def set(self, type_: str, **properties: object) -> None:
        """Change what exists behind Pulumi's back."""
        with self.store.opened() as state:
            state.of_type(type_)[0].properties.update(properties)

    def ids(self) -> list[str]:
        return [each.id for each in self.store.read().entries]


def urn(token: str) -> str:
    return f"urn:pulumi:dev::istio-lab::istio-lab:platform:Azure${token}::it"


def role(name: str, principal: str, definition: str = ACR_PULL, scope: str = REGISTRY_ID) -> Inputs:
    return {
        "roleAssignmentName": name,
        "principalId": principal,
        "scope": scope,
        "roleDefinitionId": f"{ROLE_DEFINITIONS}/{definition}",
    }


NAMES = [f"0f7a5b1e-95c4-5d0e-9d0c-0f53a0b7d00{digit}" for digit in range(4)]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name in ("ARM_SUBSCRIPTION_ID", "ARM_TENANT_ID", "ARM_CLIENT_ID", hook.COMMAND):
        monkeypatch.delenv(name, raising=False)
    return Lab(tmp_path)


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """Everything that a cluster needs beforehand."""
    lab.create(GROUP)
    lab.create(REGISTRY)
    lab.create(IDENTITY)
    _, control_plane = lab.create(IDENTITY, resourceName="control-plane")
    lab.create(ROLE, **role(NAMES[0], control_plane["principalId"], MANAGED_IDENTITY_OPERATOR, KUBELET))
    return lab


@pytest.fixture
def standing(ready: Lab) -> Lab:
    ready.create(CLUSTER)
    (ready.folder / "kubeconfig").write_text(
        yaml.safe_dump({"clusters": [{"name": "it"}], "users": [{"name": "root", "user": {"token": "abc"}}]})
    )
    return ready


def changed(token: str, path: str, value: object) -> Inputs:
    """Good inputs with one property set, or taken away by None."""
    inputs: Inputs = copy.deepcopy(GOOD[token])
    where: Any = inputs
    *parents, last = re.findall(r"[\w-]+", path)
    for key in parents:
        where = where[int(key)] if isinstance(where, list) else where.setdefault(key, {})
    where[last] = value
    return inputs


@pytest.mark.parametrize("token", GOOD)
def test_good_inputs_pass(lab: Lab, token: str) -> None:
    assert lab.services.grading(token, GOOD[token]) == []


@pytest.mark.parametrize(
    ("token", "path", "value", "words"),
    [
        (GROUP, "location", None, "location is null: the property is required, as a string"),
        (GROUP, "resourceGroupName", None, "resourceGroupName is null: the property is required"),
        (GROUP, "tag", {}, "tag is {}: there is no such property; did you mean tags?"),
        (GROUP, "tags", ["mesh"], 'tags is ["mesh"]: expected is a map to a string'),
        (REGISTRY, "sku.name", "Basci", "allowed is one of Classic, Basic, Standard, Premium; did you mean Basic?"),
        (REGISTRY, "sku.tier", "Basic", 'sku.tier is "Basic": the property is read-only'),
        (REGISTRY, "sku", None, "sku is null: the property is required, as an object (Sku)"),
        (REGISTRY, "adminUserEnabled", "no", 'adminUserEnabled is "no": expected is a boolean'),
        (REGISTRY, "loginServer", "x", 'loginServer is "x": the property is read-only'),
        (REGISTRY, "roleAssignmentMode", "AbacRepositoryPermissions", "there is no such property"),
        (REGISTRY, "networkRuleSet.ipRules", [{"value": "x"}], "networkRuleSet.ipRules[0].value"),
        (IDENTITY, "clientId", "x", "the property is read-only"),
        (IDENTITY, "isolationScope", "Regional", "there is no such property"),
        (ROLE, "principalId", None, "the property is required"),
        (ROLE, "principalType", "Serviceprincipal", "did you mean ServicePrincipal?"),
        (ROLE, "createdOn", "2026-11-01T00:00:00Z", "the property is read-only"),
        (CLUSTER, "powerState", {"code": "Stopped"}, 'powerState is {"code": "Stopped"}: the property is read-only'),
        (CLUSTER, "provisioningState", "Succeeded", "the property is read-only"),
        (CLUSTER, "kubernetesVersoin", "1.36", "did you mean kubernetesVersion?"),
        (CLUSTER, "kubernetesVersion", 1.36, "kubernetesVersion is 1.36: expected is a string"),
        (CLUSTER, "sku.tier", "Gratis", "allowed is one of Premium, Standard, Free"),
        (CLUSTER, "identity.type", "UserAsigned", "did you mean UserAssigned?"),
        (CLUSTER, "identity.userAssignedIdentities", {CONTROL_PLANE: {}}, "expected is a list, each a string"),
        (CLUSTER, "oidcIssuerProfile.issuerURL", "https://x", "the property is read-only"),
        (CLUSTER, "autoScalerProfile.scale-down-delay-after-add", "5m", "did you mean scaleDownDelayAfterAdd?"),
        (CLUSTER, "networkProfile.networkPolicy", "cillium", "did you mean cilium?"),
        (CLUSTER, "agentPoolProfiles", {}, "expected is a list, each an object"),
        (CLUSTER, "agentPoolProfiles[0].count", 1.5, "agentPoolProfiles[0].count is 1.5: expected is an integer"),
        (CLUSTER, "agentPoolProfiles[0].osSKU", "Ubuntu2404", 'osSKU is "Ubuntu2404": allowed is one of'),
        (CLUSTER, "agentPoolProfiles[0].name", None, "agentPoolProfiles[0].name is null: the property is required"),
        (CLUSTER, "agentPoolProfiles[0].powerState.code", "Off", "allowed is one of Running, Stopped"),
        (CLUSTER, "autoUpgradeProfile.upgradeChannel", "stabel", "did you mean stable?"),
        (POOL, "scaleSetPriority", "spot", "allowed is one of Spot, Regular"),
        (POOL, "name", "spot", 'name is "spot": the property is read-only'),
        (POOL, "nodeLabels", {"lab": 1}, 'nodeLabels["lab"] is 1: expected is a string'),
        (MAINTENANCE, "maintenanceWindow.durationHours", "4", "expected is an integer"),
        (MAINTENANCE, "maintenanceWindow.startDate", "1 November", "expected is an ISO 8601 date"),
        (MAINTENANCE, "maintenanceWindow.schedule.weekly.dayOfWeek", "Sonntag", "allowed is one of"),
        (BUDGET, "amount", "50", 'amount is "50": expected is a number'),
        (BUDGET, "amount", True, "amount is true: expected is a number"),
        (BUDGET, "timeGrain", "Weekly", "allowed is one of Monthly"),
        (BUDGET, "timePeriod.startDate", "soon", "expected is an ISO 8601 timestamp"),
        (BUDGET, "currentSpend", {}, "the property is read-only"),
        (BUDGET, "notifications.Actual80.operator", ">", 'notifications["Actual80"].operator is ">"'),
    ],
)
def test_what_does_not_fit_the_models_is_refused(lab: Lab, token: str, path: str, value: object, words: str) -> None:
    told = lab.services.grading(token, changed(token, path, value))
    assert [each for each in told if words in each and each.startswith(f"{token}: ")], told


@pytest.mark.parametrize(
    ("token", "path", "value", "words"),
    [
        (REGISTRY, "registryName", "abcd", "5 to 50 letters and digits"),
        (REGISTRY, "registryName", "lab-registry", "5 to 50 letters and digits"),
        (REGISTRY, "registryName", "a" * 51, "5 to 50 letters and digits"),
        (BUDGET, "timePeriod.startDate", "2026-11-02T00:00:00Z", "starts on the first of a month"),
        (
            BUDGET,
            "notifications",
            {str(index): GOOD[BUDGET]["notifications"]["Actual80"] for index in range(6)},
            "at most 5 notifications",
        ),
        (ROLE, "roleAssignmentName", "acr-pull", "a role assignment's name is a GUID"),
        (ROLE, "roleDefinitionId", ACR_PULL, "expected is /subscriptions/<id>/providers/"),
        (CLUSTER, "dnsPrefix", "a" * 55, "a DNS prefix has 1 to 54"),
        (CLUSTER, "dnsPrefix", "lab-", "no hyphen at an end"),
        (CLUSTER, "agentPoolProfiles[0].name", "systempool123", "1 to 12 lower-case letters"),
        (CLUSTER, "agentPoolProfiles[0].mode", "User", "the first pool is of mode System"),
        (CLUSTER, "agentPoolProfiles[0].mode", None, "the first pool is of mode System"),
        (CLUSTER, "agentPoolProfiles[0].scaleSetPriority", "Spot", "not of Spot priority"),
        (CLUSTER, "agentPoolProfiles[0].vmSize", "Standard_B2s", "VMs of the B series"),
        (CLUSTER, "apiServerAccessProfile.enablePrivateCluster", True, "do not go with enablePrivateCluster"),
        (CLUSTER, "identity", {"type": "SystemAssigned"}, "of type UserAssigned only"),
        (POOL, "agentPoolName", "Spot-1", "1 to 12 lower-case letters"),
    ],
)
def test_what_breaks_a_rule_is_refused(lab: Lab, token: str, path: str, value: object, words: str) -> None:
    (told,) = lab.services.grading(token, changed(token, path, value))
    assert words in told


@pytest.mark.parametrize("name", ["abcde", "a" * 50])
def test_registry_names_may_reach_their_limits(lab: Lab, name: str) -> None:
    assert lab.services.grading(REGISTRY, changed(REGISTRY, "registryName", name)) == []


def test_all_problems_are_told_at_once(lab: Lab) -> None:
    inputs = {**changed(CLUSTER, "dnsPrefix", "a" * 55), "powerState": {}, "location": None, "nonsense": 1}
    assert len(lab.services.grading(CLUSTER, inputs)) == 4


@pytest.mark.parametrize("token", GOOD)
def test_unknown_values_pass_every_check(lab: Lab, token: str) -> None:
    assert lab.services.grading(token, dict.fromkeys(GOOD[token], UNKNOWN)) == []


def test_a_problem_with_a_secret_does_not_tell_it(lab: Lab) -> None:
    secret = {**_SECRET, "value": "hunter2"}
    (told,) = lab.services.grading(CLUSTER, {**GOOD[CLUSTER], "enableRBAC": secret})
    assert "hunter2" not in told
    assert "enableRBAC is [secret]: expected is a boolean" in told


def test_the_providers_location_is_the_default(lab: Lab) -> None:
    without = changed(GROUP, "location", None)
    lab.configure(location="koreacentral")
    response = lab.checked(GROUP, without)
    assert not response.failures
    assert decode(response.inputs)["location"] == "koreacentral"


def test_the_models_and_the_wheel_part_only_where_the_dialect_says_so() -> None:
    assert sorted(_partings()) == [
        "Registry.identity.principalId: read-only",
        "Registry.identity.tenantId: read-only",
        "Registry.identity.userAssignedIdentities.clientId: read-only",
        "Registry.identity.userAssignedIdentities.principalId: read-only",
        # Only in azure-native, though it speaks the models' own version; no lab gives roles to agents.
        "RoleAssignment.principalType: AgentServicePrincipal, AgentUser",
    ]


def _partings() -> list[str]:
    found: list[str] = []
    for type_ in resources.RESOURCES.values():
        _, module, name = type_.token.split(":")
        snake = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        arguments = getattr(importlib.import_module(f"pulumi_azure_native.{module}.{snake}"), f"{name}Args")
        found += _compare(arguments, models.known(type_), name, set())
    return found


def _compare(arguments: type, known: dict[str, specs.Property], where: str, seen: set[type]) -> list[str]:
    names = set(input_type_py_to_pulumi_names(arguments).values())
    found = [f"{where}.{name}: newer" for name, each in known.items() if not each.read_only and name not in names]
    for attribute, name in input_type_py_to_pulumi_names(arguments).items():
        if name not in known:
            found.append(f"{where}.{name}: unknown")
            continue
        if known[name].read_only:
            found.append(f"{where}.{name}: read-only")
        getter = inspect.getattr_static(arguments, attribute).fget
        classes = set(_classes(getter.__annotations__.get("return"), vars(sys.modules[arguments.__module__])))
        kind: Any = known[name].kind
        while isinstance(kind, specs.ListOf | specs.MapOf):
            kind = kind.kind
        for each in classes:
            if isinstance(kind, specs.Choice) and issubclass(each, Enum):
                apart = {member.value for member in each} ^ set(kind.members)
                found += [f"{where}.{name}: {', '.join(sorted(apart))}"] if apart else []
            if isinstance(kind, specs.Nested) and each.__name__.endswith("Args") and each not in seen:
                found += _compare(each, dialect.properties(kind.model), f"{where}.{name}", seen | {each})
    return found


def _classes(annotation: object, namespace: dict[str, Any]) -> Iterator[type]:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        try:
            names = {**namespace, "Output": pulumi.Output, "T": int}
            annotation = eval(annotation, names)  # noqa: S307 - the wheel's own annotations
        except NameError:
            return
    if isinstance(annotation, type):
        yield annotation
    for each in typing.get_args(annotation):
        yield from _classes(each, namespace)


def test_unknown_types_and_functions_are_named(lab: Lab) -> None:
    with pytest.raises(AbortedError, match="the resource type azure-native:storage:StorageAccount"):
        lab.services.grading("azure-native:storage:StorageAccount", {})
    with pytest.raises(AbortedError, match="the function azure-native:storage:listKeys"):
        lab.invoke("storage:listKeys")


def test_resources_look_as_in_azure(standing: Lab) -> None:
    shown = {each.type: each for each in standing.store.read().entries}
    registry, identity, cluster = shown[REGISTRY], shown[IDENTITY].properties, shown[CLUSTER].properties
    assert shown[GROUP].id == GROUP_ID
    assert registry.id == REGISTRY_ID
    assert registry.properties["loginServer"] == "labregistry.azurecr.io"
    assert registry.properties["location"] == "koreacentral"
    assert registry.properties["type"] == "Microsoft.ContainerRegistry/registries"
    assert "resourceGroupName" not in registry.properties
    assert identity["clientId"] != identity["principalId"]
    assert identity["tenantId"] == TENANT
    assert cluster["currentKubernetesVersion"] == "1.36.2"
    assert cluster["powerState"] == {"code": "Running"}
    assert cluster["provisioningState"] == "Succeeded"
    assert cluster["nodeResourceGroup"] == "MC_lab_lab_koreacentral"
    assert re.fullmatch(r"lab-[0-9a-f]{8}\.hcp\.koreacentral\.azmk8s\.io", cluster["fqdn"])
    assert cluster["oidcIssuerProfile"]["issuerURL"].startswith("https://koreacentral.oic.prod-aks.azure.com/")
    assert cluster["agentPoolProfiles"][0]["currentOrchestratorVersion"] == "1.36.2"


def test_the_clusters_identities_are_those_that_it_was_given(standing: Lab) -> None:
    identities = {each.id: each.properties for each in standing.store.read().of_type(IDENTITY)}
    cluster = standing.store.read().of_type(CLUSTER)[0].properties
    given = identities[CONTROL_PLANE]
    assert cluster["identity"]["userAssignedIdentities"] == {
        CONTROL_PLANE: {"clientId": given["clientId"], "principalId": given["principalId"]}
    }
    assert cluster["identityProfile"]["kubeletidentity"] == {
        "resourceId": KUBELET,
        "clientId": identities[KUBELET]["clientId"],
        "objectId": identities[KUBELET]["principalId"],
    }


def test_a_system_assigned_cluster_gets_a_kubelet_identity_that_roles_can_be_given_to(ready: Lab) -> None:
    _, cluster = ready.create(CLUSTER, identity={"type": "SystemAssigned"}, identityProfile=None)
    ready.create(ROLE, **role(NAMES[1], cluster["identity"]["principalId"]))
    ready.create(ROLE, **role(NAMES[2], cluster["identityProfile"]["kubeletidentity"]["objectId"]))


def test_everything_survives_the_process_in_the_order_it_was_made(standing: Lab) -> None:
    again = Lab(standing.folder)
    entries = again.store.read().entries
    assert [each.order for each in entries] == list(range(len(entries)))
    assert [each.type for each in entries] == [GROUP, REGISTRY, IDENTITY, IDENTITY, ROLE, CLUSTER]
    assert [(each.method, each.type) for each in again.store.read().log][-1] == ("create", CLUSTER)


def test_a_preview_changes_nothing_and_leaves_azures_part_open(lab: Lab) -> None:
    id_, foreseen = lab.create(CLUSTER, preview=True)
    assert id_ == ""
    assert foreseen["dnsPrefix"] == "lab"
    assert foreseen["fqdn"] == foreseen["identity"]["userAssignedIdentities"] == UNKNOWN
    assert foreseen["oidcIssuerProfile"] == {"enabled": True, "issuerURL": UNKNOWN}
    assert lab.ids() == []
    assert lab.store.read().log == []


@pytest.mark.parametrize("token", GOOD)
def test_a_preview_copes_with_unknown_inputs(lab: Lab, token: str) -> None:
    lab.create(token, preview=True, **dict.fromkeys(GOOD[token], UNKNOWN))


def test_the_preview_of_an_update_knows_what_the_inputs_do_not_touch(standing: Lab) -> None:
    before = standing.store.read().of_type(CLUSTER)[0].properties
    foreseen = standing.update(CLUSTER, CLUSTER_ID, preview=True, kubernetesVersion=UNKNOWN)
    assert foreseen["fqdn"] == before["fqdn"]
    assert foreseen["currentKubernetesVersion"] == UNKNOWN
    assert standing.store.read().of_type(CLUSTER)[0].properties == before


def test_a_kubelet_identity_needs_the_operator_role_first(lab: Lab) -> None:
    lab.create(GROUP)
    lab.create(IDENTITY)
    _, control_plane = lab.create(IDENTITY, resourceName="control-plane")
    with pytest.raises(AbortedError, match='Code="CustomKubeletIdentityMissingPermissionError"'):
        lab.create(CLUSTER)
    lab.create(ROLE, **role(NAMES[1], control_plane["principalId"], ACR_PULL, KUBELET))
    with pytest.raises(AbortedError, match='Code="CustomKubeletIdentityMissingPermissionError"'):
        lab.create(CLUSTER)
    lab.create(ROLE, **role(NAMES[0], control_plane["principalId"], MANAGED_IDENTITY_OPERATOR, GROUP_ID))
    lab.create(CLUSTER)


def test_roles_are_given_to_object_ids_only(ready: Lab) -> None:
    identity = ready.store.read().find(KUBELET)
    assert identity is not None
    with pytest.raises(AbortedError, match='Code="PrincipalNotFound"'):
        ready.create(ROLE, **role(NAMES[1], identity.properties["clientId"]))
    ready.create(ROLE, **role(NAMES[1], identity.properties["principalId"]))
    ready.create(ROLE, **role(NAMES[2], ready.invoke("authorization:getClientConfig")["objectId"]))


def test_a_role_is_given_once(ready: Lab) -> None:
    me = ready.invoke("authorization:getClientConfig")["objectId"]
    ready.create(ROLE, **role(NAMES[1], me))
    for name in NAMES[1:3]:
        with pytest.raises(AbortedError, match='Status=409 Code="RoleAssignmentExists"'):
            ready.create(ROLE, **role(name, me))


def test_what_exists_is_not_adopted(ready: Lab) -> None:
    with pytest.raises(AbortedError, match=f"cannot create already existing resource '{REGISTRY_ID}'"):
        ready.create(REGISTRY)


@pytest.mark.parametrize("token", [POOL, MAINTENANCE])
def test_parts_of_a_cluster_need_it(ready: Lab, token: str) -> None:
    with pytest.raises(AbortedError, match=r'Status=404 Code="ResourceNotFound" .*managedClusters/lab'):
        ready.create(token)
    ready.create(CLUSTER)
    ready.create(token)


def test_resources_need_their_group(lab: Lab) -> None:
    with pytest.raises(AbortedError, match=r"Status=404 Code=.ResourceGroupNotFound. .*'lab' could not be found"):
        lab.create(REGISTRY)


def test_deleting_a_group_deletes_what_is_in_it(standing: Lab) -> None:
    standing.create(GROUP, resourceGroupName="lab2")
    standing.create(BUDGET)
    standing.delete(GROUP, GROUP_ID)
    assert standing.ids() == [f"{GROUP_ID}2"]


def test_deleting_a_cluster_deletes_its_parts_only(standing: Lab) -> None:
    before = standing.ids()
    standing.create(POOL)
    standing.delete(CLUSTER, CLUSTER_ID)
    standing.delete(CLUSTER, CLUSTER_ID)
    assert standing.ids() == before[:-1]


@pytest.mark.parametrize(
    ("token", "changes", "replacing"),
    [
        (GROUP, {"tags": {}}, []),
        (GROUP, {"location": "westeurope"}, ["location"]),
        (REGISTRY, {"sku": {"name": "Standard"}}, []),
        (REGISTRY, {"registryName": "otherregistry"}, ["registryName"]),
        (REGISTRY, {"location": "westeurope"}, ["location"]),
        (IDENTITY, {"location": "westeurope"}, ["location"]),
        (ROLE, {"scope": GROUP_ID}, ["scope"]),
        (ROLE, {"principalId": UNKNOWN}, ["principalId"]),
        (CLUSTER, {"dnsPrefix": "lab2"}, ["dnsPrefix"]),
        (CLUSTER, {"resourceName": "lab2"}, ["resourceName"]),
        (CLUSTER, {"nodeResourceGroup": "nodes"}, ["nodeResourceGroup"]),
        (CLUSTER, {"identity": {"type": "SystemAssigned"}}, []),
        (CLUSTER, {"kubernetesVersion": "1.37"}, []),
        (CLUSTER, {"networkProfile": {**GOOD[CLUSTER]["networkProfile"], "networkPolicy": "cilium"}}, []),
        (CLUSTER, {"networkProfile": {**GOOD[CLUSTER]["networkProfile"], "podCidr": "x"}}, ["networkProfile"]),
        (CLUSTER, {"networkProfile": {**GOOD[CLUSTER]["networkProfile"], "serviceCidr": "x"}}, ["networkProfile"]),
        (CLUSTER, {"networkProfile": {"networkPlugin": "none", "podCidr": "10.244.0.0/16"}}, ["networkProfile"]),
        (POOL, {"agentPoolName": "other"}, ["agentPoolName"]),
        (BUDGET, {"amount": 60}, []),
    ],
)
def test_changes_replace_only_what_they_must(lab: Lab, token: str, changes: Inputs, replacing: list[str]) -> None:
    found = lab.diff(token, **changes)
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.diffs) == list(changes)
    assert list(found.replaces) == replacing
    path = resources.RESOURCES[token].path_parameters
    assert found.deleteBeforeReplace == (bool(replacing) and replacing[0] not in path)


@pytest.mark.parametrize("token", GOOD)
def test_the_same_inputs_are_no_change(lab: Lab, token: str) -> None:
    assert lab.diff(token).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_refresh_of_what_nobody_touched_changes_nothing(standing: Lab) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    response = standing.read(CLUSTER, entry.id, entry.inputs, entry.properties)
    assert (response.id, decode(response.inputs)) == (entry.id, entry.inputs)
    assert decode(response.properties) == entry.properties


def test_a_refresh_shows_drift_as_inputs_too(standing: Lab) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    standing.set(CLUSTER, sku={"name": "Base", "tier": "Standard"}, fqdn="other")
    response = standing.read(CLUSTER, entry.id, entry.inputs, entry.properties)
    assert decode(response.properties)["fqdn"] == "other"
    assert decode(response.inputs) == {**entry.inputs, "sku": {"name": "Base", "tier": "Standard"}}


def test_a_refresh_turns_identities_back_into_a_list(standing: Lab) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    standing.set(CLUSTER, identity={"type": "UserAssigned", "userAssignedIdentities": {KUBELET: {}}})
    response = standing.read(CLUSTER, entry.id, entry.inputs, entry.properties)
    assert decode(response.inputs)["identity"]["userAssignedIdentities"] == [KUBELET]


def test_what_is_gone_has_no_id(standing: Lab) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    standing.delete(CLUSTER, entry.id)
    assert standing.read(CLUSTER, entry.id, entry.inputs, entry.properties).id == ""


def test_an_import_finds_its_inputs(standing: Lab) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    assert decode(standing.read(CLUSTER, entry.id, {}, {}).inputs) == entry.inputs


def test_an_update_shows(standing: Lab) -> None:
    standing.update(CLUSTER, CLUSTER_ID, kubernetesVersion="1.37")
    assert standing.store.read().of_type(CLUSTER)[0].properties["currentKubernetesVersion"] == "1.37.2"


def test_a_stopped_cluster_can_only_be_deleted(standing: Lab) -> None:
    standing.set(CLUSTER, powerState={"code": "Stopped"})
    with pytest.raises(AbortedError, match=r'Code="OperationNotAllowed" .*Only start and delete are allowed'):
        standing.update(CLUSTER, CLUSTER_ID, kubernetesVersion="1.37")
    with pytest.raises(AbortedError, match='Code="OperationNotAllowed"'):
        standing.create(POOL)
    standing.delete(CLUSTER, CLUSTER_ID)


def _create_role_without_type(lab: Lab) -> None:
    me = lab.invoke("authorization:getClientConfig")["objectId"]
    lab.create(ROLE, **role(NAMES[1], me), principalType=None)


def _create_role(lab: Lab) -> None:
    lab.create(ROLE, **role(NAMES[1], lab.invoke("authorization:getClientConfig")["objectId"]))


def _create(token: str, **changes: str) -> Callable[[Lab], None]:
    def create(lab: Lab) -> None:
        lab.create(token, preview=False, **changes)

    return create


@pytest.mark.parametrize(
    ("fault", "act", "words"),
    [
        ("PrincipalNotFound", _create_role_without_type, 'Status=400 Code="PrincipalNotFound" Message="Principal '),
        ("PrincipalNotFoundAlways", _create_role, "set the role assignment principalType property to a value"),
        ("AuthorizationFailed", _create_role, "to perform action 'Microsoft.Authorization/roleAssignments/write'"),
        ("AuthorizationFailedEverywhere", _create(CLUSTER), 'Status=403 Code="AuthorizationFailed"'),
        ("SubscriptionNotRegistered", _create(CLUSTER), "to use namespace 'Microsoft.ContainerService'"),
        ("ServicePrincipalQuota", _create(IDENTITY, resourceName="third"), 'Code="Directory_QuotaExceeded"'),
        ("RegistryNameTaken", _create(REGISTRY, registryName="taken"), "taken.azurecr.io is already in use"),
        ("KubernetesVersionNotSupported", _create(CLUSTER), "is on version 1.36 which is not supported"),
        ("QuotaExceeded", _create(CLUSTER), 'Status=400 Code="QuotaExceeded" Message="'),
        ("InsufficientVCPUQuota", _create(CLUSTER), 'Code="ErrCode_InsufficientVCPUQuota"'),
        ("SkuNotAvailable", _create(CLUSTER), "Standard_D2s_v5' is currently not available in location"),
        ("VMSizeNotAllowed", _create(CLUSTER), "The VM size of Standard_D2s_v5 is not allowed in your subscription"),
        ("Conflict", _create(CLUSTER), 'Status=409 Code="OperationNotAllowed"'),
    ],
)
def test_faults_strike_as_often_as_ordered(ready: Lab, fault: str, act: Callable[[Lab], None], words: str) -> None:
    ready.order(**{fault: 2})
    for _ in range(2):
        again = Lab(ready.folder)
        with pytest.raises(AbortedError, match=re.escape(words)):
            act(again)
        assert again.store.read().log[-1].refused
    act(ready)


def test_a_fault_without_end_always_strikes(ready: Lab) -> None:
    ready.order(QuotaExceeded=True)
    for _ in range(3):
        with pytest.raises(AbortedError, match="QuotaExceeded"):
            ready.create(CLUSTER)


def test_azure_does_not_look_up_a_principal_whose_type_is_given(ready: Lab) -> None:
    ready.order(PrincipalNotFound=True)
    _create_role(ready)


def test_an_unknown_fault_is_named(lab: Lab) -> None:
    lab.order(Earthquake=True)
    with pytest.raises(AbortedError, match="does not know: Earthquake"):
        lab.create(GROUP)


def test_creations_take_the_ordered_time(lab: Lab) -> None:
    lab.order(SlowCreate=0.2)
    begun = time.monotonic()
    lab.create(GROUP)
    assert time.monotonic() - begun >= 0.2
    lab.order(SlowCreate={CLUSTER: 30})
    lab.create(REGISTRY)


def test_a_cancelled_creation_leaves_what_azure_has_begun(lab: Lab) -> None:
    lab.order(SlowCreate=30)
    threading.Timer(0.1, lab.servicer.cancel).start()
    with pytest.raises(AbortedError, match="context canceled"):
        lab.create(GROUP)
    assert lab.store.read().entries[0].properties["properties"] == {"provisioningState": "Creating"}


def test_requests_at_once_do_not_lose_each_other(lab: Lab) -> None:
    threads = [
        threading.Thread(target=lab.create, args=(GROUP,), kwargs={"resourceGroupName": f"g{n}"}) for n in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.order for each in lab.store.read().entries) == list(range(8))


def test_the_account_is_the_configured_one(lab: Lab) -> None:
    found = lab.invoke("authorization:getClientConfig")
    assert (found["subscriptionId"], found["tenantId"]) == (SUBSCRIPTION, TENANT)
    assert found["clientId"] != found["objectId"]


def test_credentials_are_those_of_the_cluster_that_stands_in(standing: Lab) -> None:
    for whose in ("User", "Admin"):
        assert standing.kubeconfig(whose)["users"] == [{"name": "root", "user": {"token": "abc"}}]


def test_credentials_are_secret(standing: Lab) -> None:
    token = "containerservice:listManagedClusterUserCredentials"  # noqa: S105 - a function's name
    assert secret_keys(standing.raw_invoke(token, resourceGroupName="lab", resourceName="lab")) == {"kubeconfigs"}


def test_a_directorys_users_sign_in_with_kubelogin(standing: Lab) -> None:
    standing.set(CLUSTER, aadProfile={"managed": True}, disableLocalAccounts=True)
    found = standing.kubeconfig(format="exec")
    assert found["clusters"] == [{"name": "it"}]
    login = found["users"][0]["user"]["exec"]
    assert login["apiVersion"] == "client.authentication.k8s.io/v1beta1"
    assert " ".join([login["command"], *login["args"]]) == (
        "kubelogin get-token --environment AzurePublicCloud --server-id 6dae42f8-4368-4678-94ff-3960e28e3630 "
        f"--client-id 80faf920-1908-4b52-b5ef-a8e7bedfc67a --tenant-id {TENANT} --login devicecode"
    )
    with pytest.raises(AbortedError, match="ask for format exec"):
        standing.kubeconfig()


@pytest.mark.parametrize("whose", ["User", "Admin"])
def test_no_static_credentials_without_local_accounts(standing: Lab, whose: str) -> None:
    standing.set(CLUSTER, disableLocalAccounts=True)
    with pytest.raises(AbortedError, match='Code="BadRequest" Message="Getting static credential is not allowed'):
        standing.kubeconfig(whose)


def test_credentials_are_asked_for_correctly(standing: Lab) -> None:
    with pytest.raises(AbortedError, match="has no argument fromat"):
        standing.kubeconfig(fromat="exec")
    with pytest.raises(AbortedError, match="allowed is one of azure, exec"):
        standing.kubeconfig(format="exce")
    standing.delete(CLUSTER, CLUSTER_ID)
    with pytest.raises(AbortedError, match='Code="ResourceNotFound"'):
        standing.kubeconfig()


def test_the_tests_hear_of_clusters(ready: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = ready.folder / "heard"
    script = ready.folder / "hook"
    script.write_text(f"#!/bin/sh\necho $1 >> {heard}\n")
    script.chmod(0o755)
    monkeypatch.setenv(hook.COMMAND, str(script))
    ready.create(CLUSTER, preview=True)
    assert not heard.exists()
    ready.create(CLUSTER)
    ready.delete(GROUP, GROUP_ID)
    assert heard.read_text().split() == ["create", "delete"]


def test_a_cluster_that_cannot_stand_in_is_no_cluster(ready: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ready.folder / "hook"
    script.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv(hook.COMMAND, str(script))
    with pytest.raises(AbortedError, match=r"^no room$"):
        ready.create(CLUSTER)
    assert CLUSTER_ID not in ready.ids()


def test_secrets_are_given_back_marked_and_never_stored(ready: Lab) -> None:
    profile = {**_SECRET, "value": {"adminUsername": "it", "adminPassword": "hunter2"}}
    inputs = encode({**GOOD[CLUSTER], "windowsProfile": profile})
    created = ready.servicer.Create(provider_pb2.CreateRequest(urn=urn(CLUSTER), properties=inputs), Context())
    request = provider_pb2.ReadRequest(urn=urn(CLUSTER), id=created.id, inputs=inputs, properties=created.properties)
    for response in (created, ready.servicer.Read(request, Context())):
        assert secret_keys(response.properties) == {"windowsProfile"}
        assert decode(response.properties)["windowsProfile"]["adminPassword"] == "hunter2"
    assert "hunter2" not in (ready.folder / "store.json").read_text()


def test_configuring_the_provider_differently_is_an_update(lab: Lab) -> None:
    request = provider_pb2.DiffRequest(olds=encode({"location": "a"}), news=encode({"location": "b"}))
    found = lab.servicer.DiffConfig(request, Context())
    assert (list(found.diffs), list(found.replaces)) == (["location"], [])
    assert decode(lab.servicer.CheckConfig(provider_pb2.CheckRequest(news=request.news), Context()).inputs)


def test_it_passes_for_azure_native(lab: Lab) -> None:
    assert lab.servicer.GetPluginInfo(None, Context()).version == "3.29.0"
    assert json.loads(lab.servicer.GetSchema(None, Context()).schema)["name"] == "azure-native"


def test_the_process_serves_until_its_engine_is_gone(lab: Lab) -> None:
    lab.order(SlowCreate=60)
    command = f"{shlex.quote(sys.executable)} -m tests.azure.standin 127.0.0.1:1 & wait"
    environment = {**os.environ, store.FOLDER: str(lab.folder)}
    root = Path(__file__).parents[2]
    with subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE, cwd=root, env=environment) as engine:
        assert engine.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(engine.stdout.readline())}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            assert stub.GetPluginInfo(empty_pb2.Empty()).version == "3.29.0"
            # A call that nobody holds is a cancelled call.
            call = stub.Create.future(provider_pb2.CreateRequest(urn=urn(GROUP), properties=encode(GOOD[GROUP])))
            while not lab.ids() and not call.done():
                time.sleep(0.05)
            engine.kill()
            # The end of its output is the end of the provider, which holds the same pipe.
            assert engine.communicate(timeout=10)[0] == b""


def test_the_store_is_in_the_folder_that_the_tests_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    assert Store.of_environment().folder == tmp_path
