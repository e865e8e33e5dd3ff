"""The stand-in for Azure refuses what Azure refuses, and speaks the protocol of a provider."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.azure.standin import hook
from tests.azure.standin.servicer import Servicer
from tests.azure.standin.store import Store
from tests.azure.standin.wire import UNKNOWN, decode, encode, secret_keys

if TYPE_CHECKING:
    from pathlib import Path

SUBSCRIPTION = "6f9c2ad5-1111-4c5e-8a7e-5f3f8a0e0b01"
OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab"
IDENTITIES = f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
CLUSTER_ID = f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/lab"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}

GROUP = "azure-native:resources:ResourceGroup"
REGISTRY = "azure-native:containerregistry:Registry"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ROLE = "azure-native:authorization:RoleAssignment"
CLUSTER = "azure-native:containerservice:ManagedCluster"

Inputs = dict[str, Any]
IN_GROUP = {"resourceGroupName": "lab", "location": "koreacentral"}
SYSTEM = {"name": "system", "mode": "System", "vmSize": "Standard_D2s_v5", "osSKU": "Ubuntu", "count": 2}
GOOD: dict[str, Inputs] = {
    GROUP: IN_GROUP,
    REGISTRY: {**IN_GROUP, "registryName": "labregistry", "sku": {"name": "Basic"}, "adminUserEnabled": False},
    IDENTITY: {**IN_GROUP, "resourceName": "kubelet"},
    ROLE: {
        "scope": f"{IDENTITIES}/kubelet",
        "roleAssignmentName": "0f7a5b1e-95c4-5d0e-9d0c-0f53a0b7d001",
        "roleDefinitionId": f"{ROLES}/{OPERATOR}",
        "principalId": "filled in when the identity is there",
        "principalType": "ServicePrincipal",
    },
    CLUSTER: {
        **IN_GROUP,
        "resourceName": "lab",
        "dnsPrefix": "lab",
        "kubernetesVersion": "1.36",
        "sku": {"name": "Base", "tier": "Free"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [f"{IDENTITIES}/control-plane"]},
        "identityProfile": {"kubeletidentity": {"resourceId": f"{IDENTITIES}/kubelet"}},
        "agentPoolProfiles": [SYSTEM],
    },
}


class AbortedError(Exception):
    pass


class Context:
    def abort(self, _code: object, details: str) -> None:
        raise AbortedError(details)


class Azure:
    """The stand-in as the engine talks to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder)
        self.servicer = Servicer(self.store)
        arguments = encode({"subscriptionId": SUBSCRIPTION, "tenantId": SUBSCRIPTION})
        self.servicer.Configure(provider_pb2.ConfigureRequest(args=arguments, acceptSecrets=True), Context())

    def check(self, token: str, inputs: Inputs) -> list[str]:
        request = provider_pb2.CheckRequest(urn=urn(token), news=encode(inputs))
        return [each.reason for each in self.servicer.Check(request, Context()).failures]

    def create(self, token: str, *, preview: bool = False, **changes: object) -> tuple[str, Inputs]:
        properties = encode({**copy.deepcopy(GOOD[token]), **changes})
        request = provider_pb2.CreateRequest(urn=urn(token), properties=properties, preview=preview)
        response = self.servicer.Create(request, Context())
        return response.id, decode(response.properties)

    def read(self, token: str, id_: str, inputs: Inputs, properties: Inputs) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(urn=urn(token), id=id_, inputs=encode(inputs), properties=encode(properties))
        return self.servicer.Read(request, Context())

    def delete(self, token: str, id_: str) -> None:
        self.servicer.Delete(provider_pb2.DeleteRequest(urn=urn(token), id=id_), Context())

    def set(self, type_: str, **properties: object) -> None:
        """Change what exists behind Pulumi's back."""
        with self.store.opened() as state:
            state.of_type(type_)[0].properties.update(properties)


def urn(token: str) -> str:
    return f"urn:pulumi:dev::istio-lab::istio-lab:platform:Azure${token}::it"


def changed(token: str, path: str, value: object) -> Inputs:
    """Good inputs with one property set, or taken away by None."""
    inputs: Inputs = copy.deepcopy(GOOD[token])
    where: Any = inputs
    *parents, last = re.findall(r"[\w-]+", path)
    for key in parents:
        where = where[int(key)] if isinstance(where, list) else where.setdefault(key, {})
    where[last] = value
    return inputs


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Azure:
    for name in ("ARM_SUBSCRIPTION_ID", "ARM_TENANT_ID", "ARM_CLIENT_ID", hook.COMMAND):
        monkeypatch.delenv(name, raising=False)
    return Azure(tmp_path)


@pytest.fixture
def standing(azure: Azure) -> Azure:
    """A cluster and all that it needs."""
    for token in (GROUP, REGISTRY, IDENTITY):
        azure.create(token)
    _, control_plane = azure.create(IDENTITY, resourceName="control-plane")
    azure.create(ROLE, principalId=control_plane["principalId"])
    azure.create(CLUSTER)
    return azure


@pytest.mark.parametrize("token", GOOD)
def test_good_inputs_and_unknown_ones_pass(azure: Azure, token: str) -> None:
    assert azure.check(token, GOOD[token]) == []
    assert azure.check(token, dict.fromkeys(GOOD[token], UNKNOWN)) == []


@pytest.mark.parametrize(
    ("token", "path", "value", "words"),
    [
        (GROUP, "location", None, "location is null: the property is required, as a string"),
        (GROUP, "tag", {}, "tag is {}: there is no such property; did you mean tags?"),
        (REGISTRY, "sku.name", "Basci", "allowed is one of Classic, Basic, Standard, Premium; did you mean Basic?"),
        (REGISTRY, "loginServer", "x", 'loginServer is "x": the property is read-only'),
        (CLUSTER, "kubernetesVersion", 1.36, "kubernetesVersion is 1.36: expected is a string"),
        (CLUSTER, "agentPoolProfiles[0].count", 1.5, "agentPoolProfiles[0].count is 1.5: expected is an integer"),
        (CLUSTER, "agentPoolProfiles[0].name", None, "agentPoolProfiles[0].name is null: the property is required"),
        (CLUSTER, "enableRBAC", {**SECRET, "value": "hunter2"}, "enableRBAC is [secret]: expected is a boolean"),
    ],
)
def test_what_does_not_fit_microsofts_models_is_refused(
    azure: Azure, token: str, path: str, value: object, words: str
) -> None:
    reasons = azure.check(token, changed(token, path, value))

    assert [each for each in reasons if words in each and each.startswith(f"{token}: ")], reasons


@pytest.mark.parametrize(
    ("token", "path", "value", "words"),
    [
        (REGISTRY, "registryName", "lab-registry", "5 to 50 letters and digits"),
        (ROLE, "roleAssignmentName", "acr-pull", "a role assignment's name is a GUID"),
        (CLUSTER, "dnsPrefix", "a" * 55, "a DNS prefix has 1 to 54"),
        (CLUSTER, "agentPoolProfiles[0].mode", "User", "the first pool is of mode System"),
        (CLUSTER, "agentPoolProfiles[0].vmSize", "Standard_B2s", "VMs of the B series"),
        (CLUSTER, "identity", {"type": "SystemAssigned"}, "of type UserAssigned only"),
    ],
)
def test_what_breaks_a_rule_of_azure_is_refused(azure: Azure, token: str, path: str, value: object, words: str) -> None:
    (reason,) = azure.check(token, changed(token, path, value))

    assert words in reason


def test_a_cluster_needs_its_group_and_the_right_to_use_its_identity(azure: Azure) -> None:
    with pytest.raises(AbortedError, match=r"Status=404 Code=.ResourceGroupNotFound."):
        azure.create(REGISTRY)
    azure.create(GROUP)
    for name in ("kubelet", "control-plane"):
        azure.create(IDENTITY, resourceName=name)
    with pytest.raises(AbortedError, match='Code="CustomKubeletIdentityMissingPermissionError"'):
        azure.create(CLUSTER)


def test_a_fault_strikes_as_often_as_ordered(standing: Azure) -> None:
    standing.delete(CLUSTER, CLUSTER_ID)
    (standing.folder / "faults.json").write_text(json.dumps({"QuotaExceeded": 1}))
    with pytest.raises(AbortedError, match='Status=400 Code="QuotaExceeded"'):
        standing.create(CLUSTER)
    standing.create(CLUSTER)


def test_a_preview_changes_nothing_and_leaves_azures_part_unknown(azure: Azure) -> None:
    id_, properties = azure.create(CLUSTER, preview=True)

    assert (id_, properties["dnsPrefix"], properties["fqdn"]) == ("", "lab", UNKNOWN)
    assert azure.store.read().entries == []


def test_what_exists_is_not_created_again_and_goes_with_its_group(standing: Azure) -> None:
    with pytest.raises(AbortedError, match=f"cannot create already existing resource '{CLUSTER_ID}'"):
        standing.create(CLUSTER)
    entry = standing.store.read().of_type(CLUSTER)[0]
    standing.delete(GROUP, GROUP_ID)

    assert standing.store.read().entries == []
    assert standing.read(CLUSTER, entry.id, entry.inputs, entry.properties).id == ""


@pytest.mark.parametrize(
    ("token", "changes", "replacing"),
    [
        (GROUP, {"location": "westeurope"}, ["location"]),
        (REGISTRY, {"sku": {"name": "Standard"}}, []),
        (CLUSTER, {"kubernetesVersion": "1.37"}, []),
        (CLUSTER, {"dnsPrefix": "lab2"}, ["dnsPrefix"]),
        (CLUSTER, {}, []),
    ],
)
def test_a_diff_names_changes_and_what_replaces(
    azure: Azure, token: str, changes: Inputs, replacing: list[str]
) -> None:
    old, new = encode(GOOD[token]), encode({**copy.deepcopy(GOOD[token]), **changes})
    diff = azure.servicer.Diff(provider_pb2.DiffRequest(urn=urn(token), old_inputs=old, news=new), Context())

    assert (list(diff.diffs), list(diff.replaces)) == (list(changes), replacing)


def test_a_refresh_shows_drift_as_inputs_too(standing: Azure) -> None:
    entry = standing.store.read().of_type(CLUSTER)[0]
    standing.set(CLUSTER, sku={"name": "Base", "tier": "Standard"})
    response = standing.read(CLUSTER, entry.id, entry.inputs, entry.properties)

    assert decode(response.inputs) == {**entry.inputs, "sku": {"name": "Base", "tier": "Standard"}}


def test_secrets_are_returned_marked_and_never_stored(standing: Azure) -> None:
    standing.delete(CLUSTER, CLUSTER_ID)
    profile = {**SECRET, "value": {"adminUsername": "it", "adminPassword": "hunter2"}}
    inputs = encode({**GOOD[CLUSTER], "windowsProfile": profile})
    created = standing.servicer.Create(provider_pb2.CreateRequest(urn=urn(CLUSTER), properties=inputs), Context())

    assert secret_keys(created.properties) == {"windowsProfile"}
    assert "hunter2" not in (standing.folder / "store.json").read_text()
