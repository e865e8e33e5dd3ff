"""Whether what Azure answers is enough for a lab: each check with good, doubtful and bad answers as az gives them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lab.platforms.azure import checks
from lab.platforms.azure.checks import AzureNeeds, Check, Verdict
from lab.platforms.azure.models import (
    Account,
    KubernetesVersions,
    Permissions,
    Policies,
    Provider,
    T,
    Usage,
    Version,
    VmSize,
    read,
)
from tests.unit.azure.support import (
    ACCOUNT,
    CONTRIBUTOR,
    OWNER,
    POLICIES,
    SUBSCRIPTION,
    VERSIONS,
    permissions,
    providers,
    usages,
    vm_size,
)

NEEDS = AzureNeeds(
    subscription="",
    location="koreacentral",
    kubernetes_version="1.36",
    vm_size="Standard_D4s_v5",
    nodes=2,
    spot_vm_size="Standard_D4s_v5",
    spot_nodes=2,
    entra=True,
)
OK, WARNING, FAILED = Verdict.OK, Verdict.WARNING, Verdict.FAILED


def answer(kind: type[T], value: object) -> T:
    return read(kind, json.dumps(value))


def needing(**changes: object) -> AzureNeeds:
    return dataclasses.replace(NEEDS, **changes)  # type: ignore[arg-type]


def assert_is(check: Check, verdict: Verdict, found: str, remedy: str = "") -> None:
    assert (check.verdict, found in check.found, remedy in check.remedy) == (verdict, True, True), check
    assert bool(check.remedy) == (verdict != OK), "what is not well has a remedy, and nothing else has one"


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.60.0", OK), ("2.80.0", OK), ("2.100.1", OK), ("3.0.0", OK), ("2.59.9", FAILED), ("2.9.1", FAILED)],
)
def test_the_azure_cli_must_not_be_too_old(version: str, verdict: Verdict) -> None:
    check = checks.cli(answer(Version, {"azure-cli": version, "azure-cli-core": version, "extensions": {}}))

    assert_is(check, verdict, version, "az upgrade" if verdict == FAILED else "")


@pytest.mark.parametrize(
    ("wanted", "state", "verdict", "remedy"),
    [
        ("", "Enabled", OK, ""),
        (SUBSCRIPTION.upper(), "Enabled", OK, ""),
        ("course 2026", "Enabled", OK, ""),
        ("Research", "Enabled", FAILED, "az account set --subscription Research"),
        ("The other", "Enabled", FAILED, "az account set --subscription 'The other'"),
        ("", "Disabled", FAILED, "az account list --refresh"),
        ("", "Warned", FAILED, "az account list --refresh"),
    ],
)
def test_the_subscription_must_be_the_wanted_one_and_enabled(
    wanted: str, state: str, verdict: Verdict, remedy: str
) -> None:
    check = checks.subscription(answer(Account, ACCOUNT | {"state": state}), needing(subscription=wanted))

    assert_is(check, verdict, f"Course 2026 ({SUBSCRIPTION}), as kim@example.com", remedy)
    assert wanted in check.found or verdict == OK


@pytest.mark.parametrize(
    ("quota_id", "limit", "verdict", "found"),
    [
        ("PayAsYouGo_2014-09-01", "Off", OK, "PayAsYouGo"),
        ("EnterpriseAgreement_2014-09-01", None, OK, "Enterprise"),
        ("FreeTrial_2014-09-01", "On", WARNING, "a free trial"),
        ("AzureForStudents_2018-01-01", "On", WARNING, "Azure for Students"),
        ("AzureForStudents_2018-01-01", "Off", WARNING, "cannot be raised"),
        ("DreamSpark_2015-02-01", "On", WARNING, "Azure for Students Starter"),
        ("AzurePass_2014-09-01", "On", WARNING, "an Azure Pass"),
        ("MSDN_2014-09-01", "On", WARNING, "a spending limit is on"),
    ],
)
def test_an_offer_with_little_quota_or_a_limit_is_pointed_out(
    quota_id: str, limit: str | None, verdict: Verdict, found: str
) -> None:
    policies = {"subscriptionPolicies": {"quotaId": quota_id, "spendingLimit": limit}}

    assert_is(checks.offer(answer(Policies, POLICIES | policies)), verdict, found)


@pytest.mark.parametrize(
    ("states", "verdict", "found", "remedy"),
    [
        ({}, OK, "7 registered", ""),
        ({"Storage": "NotRegistered"}, OK, "7 registered", ""),
        (
            {"ContainerService": "NotRegistered"},
            FAILED,
            "Microsoft.ContainerService is NotRegistered",
            "az provider register --namespace Microsoft.ContainerService --wait",
        ),
        (
            {"Compute": "Unregistered", "Network": "NotRegistered"},
            FAILED,
            "Microsoft.Compute is Unregistered, Microsoft.Network is NotRegistered",
            (
                "az provider register --namespace Microsoft.Compute --wait && "
                "az provider register --namespace Microsoft.Network --wait"
            ),
        ),
        ({"Consumption": "absent"}, FAILED, "Microsoft.Consumption is unknown", "Microsoft.Consumption"),
        ({"Compute": "Registering"}, WARNING, "Microsoft.Compute is Registering", "wait some minutes"),
    ],
)
def test_the_resource_providers_must_be_registered(
    states: dict[str, str], verdict: Verdict, found: str, remedy: str
) -> None:
    assert_is(checks.providers(answer(tuple[Provider, ...], providers(**states))), verdict, found, remedy)


def test_capitals_of_a_namespace_do_not_matter() -> None:
    listing = [entry | {"namespace": entry["namespace"].upper()} for entry in providers()]

    assert checks.providers(answer(tuple[Provider, ...], listing)).verdict == OK


@pytest.mark.parametrize(
    ("sizes", "verdict", "found"),
    [
        ([vm_size()], OK, "Standard_D4s_v5, 4 vCPUs"),
        ([vm_size("Standard_D4s_v5x"), vm_size("standard_d4S_v5")], OK, "4 vCPUs"),
        ([vm_size(zones=True)], OK, "4 vCPUs"),
        ([vm_size(vcpus=2)], FAILED, "has 2 vCPUs; AKS asks for 4"),
        ([vm_size(refused="NotAvailableForSubscription")], FAILED, "koreacentral (NotAvailableForSubscription)"),
        ([vm_size(refused="QuotaId", zones=True)], FAILED, "(QuotaId)"),
        ([vm_size("Standard_D4s_v5x")], FAILED, "there is no Standard_D4s_v5 in koreacentral"),
        ([], FAILED, "there is no Standard_D4s_v5 in koreacentral"),
    ],
)
def test_the_system_pools_size_must_be_offered_and_large_enough(
    sizes: list[object], verdict: Verdict, found: str
) -> None:
    check = checks.system_size(answer(tuple[VmSize, ...], sizes), NEEDS)

    assert_is(check, verdict, found, "az vm list-skus --location koreacentral" if verdict == FAILED else "")


def test_the_b_series_is_refused_for_the_system_pool_only() -> None:
    sizes = answer(tuple[VmSize, ...], [vm_size("Standard_B4ms")])

    assert_is(checks.system_size(sizes, needing(vm_size="Standard_B4ms")), FAILED, "of the B series")
    assert_is(checks.spot_size(sizes, needing(spot_vm_size="Standard_B4ms")), OK, "Standard_B4ms, 4 vCPUs")


@pytest.mark.parametrize(
    ("sizes", "verdict", "found"),
    [
        ([vm_size(vcpus=2)], OK, "2 vCPUs"),
        ([vm_size(spot=False)], FAILED, "Standard_D4s_v5 is not offered as Spot in koreacentral"),
        ([vm_size(refused="NotAvailableForSubscription")], FAILED, "(NotAvailableForSubscription)"),
        ([], FAILED, "there is no Standard_D4s_v5"),
    ],
)
def test_the_spot_pools_size_must_be_offered_as_spot(sizes: list[object], verdict: Verdict, found: str) -> None:
    assert_is(checks.spot_size(answer(tuple[VmSize, ...], sizes), NEEDS), verdict, found)


@pytest.mark.parametrize(
    ("used", "verdict", "found"),
    [
        ({"limit": 12}, OK, "12 vCPUs needed; Total Regional vCPUs: 0 of 12 used; Standard DSv5 Family vCPUs: 0 of 12"),
        ({"limit": 11}, FAILED, "12 vCPUs needed; Total Regional vCPUs: 0 of 11 used; Standard DSv5"),
        ({"regional": 9}, FAILED, "12 vCPUs needed; Total Regional vCPUs: 9 of 20 used"),
        ({"family": 9}, FAILED, "12 vCPUs needed; Standard DSv5 Family vCPUs: 9 of 20 used"),
        ({"regional": 8, "family": 8, "spot": 20}, OK, "8 of 20 used"),
    ],
)
def test_the_quota_must_hold_the_nodes_and_one_surge_node(used: dict[str, int], verdict: Verdict, found: str) -> None:
    size = answer(VmSize, vm_size())
    check = checks.quota(answer(tuple[Usage, ...], usages(**used)), size, NEEDS)

    assert_is(check, verdict, found, "az vm list-usage --location koreacentral" if verdict == FAILED else "")


def test_a_cluster_that_stands_needs_quota_for_the_surge_node_only() -> None:
    size, found = answer(VmSize, vm_size()), answer(tuple[Usage, ...], usages(regional=16, family=16))

    assert_is(checks.quota(found, size, needing(nodes=0)), OK, "4 vCPUs needed")


@pytest.mark.parametrize(
    ("used", "verdict", "found"),
    [
        ({"spot": 12, "regional": 20, "family": 20}, OK, "8 vCPUs needed; Total Regional Low-priority vCPUs: 12 of 20"),
        ({"spot": 13}, FAILED, "8 vCPUs needed; Total Regional Low-priority vCPUs: 13 of 20 used"),
        ({"limit": 3}, FAILED, "8 vCPUs needed; Total Regional Low-priority vCPUs: 0 of 3 used"),
    ],
)
def test_spot_nodes_count_against_the_low_priority_quota_alone(
    used: dict[str, int], verdict: Verdict, found: str
) -> None:
    size = answer(VmSize, vm_size())

    assert_is(checks.spot_quota(answer(tuple[Usage, ...], usages(**used)), size, NEEDS), verdict, found)


def test_a_quota_that_azure_does_not_tell_is_doubtful() -> None:
    size = answer(VmSize, vm_size() | {"family": "standardDSv9Family"})

    check = checks.quota(answer(tuple[Usage, ...], usages()), size, NEEDS)

    assert_is(check, WARNING, "Azure tells no quota called standardDSv9Family")


@pytest.mark.parametrize(
    ("wanted", "verdict", "found", "remedy"),
    [
        ("1.36", OK, "1.36, newest patch 1.36.10", ""),
        ("1.36.2", OK, "1.36.2", ""),
        ("1.35", OK, "1.35, newest patch 1.35.4", ""),
        ("1.37", WARNING, "1.37 is a preview in koreacentral", "istio-lab:kubernetesVersion 1.36"),
        ("1.33", FAILED, "long-term support (Premium) only", "pulumi config set istio-lab:kubernetesVersion 1.36"),
        ("1.36.3", FAILED, "1.36.3 is not offered; of 1.36: 1.36.2, 1.36.10", "istio-lab:kubernetesVersion 1.36"),
        ("1.30", FAILED, "not offered in koreacentral; offered: 1.35, 1.36", "istio-lab:kubernetesVersion 1.36"),
        ("1.3", FAILED, "1.3 is not offered", "istio-lab:kubernetesVersion 1.36"),
    ],
)
def test_the_kubernetes_version_must_be_offered(wanted: str, verdict: Verdict, found: str, remedy: str) -> None:
    check = checks.kubernetes(answer(KubernetesVersions, VERSIONS), needing(kubernetes_version=wanted))

    assert_is(check, verdict, found, remedy)


def test_a_region_without_kubernetes_versions_is_told_as_such() -> None:
    check = checks.kubernetes(answer(KubernetesVersions, {"values": []}), NEEDS)

    assert_is(check, FAILED, "offered: none", "az aks get-versions --location koreacentral --output table")


@pytest.mark.parametrize(
    ("granted", "verdict"),
    [
        (OWNER, OK),
        (permissions((["Microsoft.Authorization/roleAssignments/write"], [])), OK),
        (permissions((["microsoft.authorization/roleassignments/*"], [])), OK),
        (permissions((["*/read"], []), (["Microsoft.Authorization/*"], [])), OK),
        (CONTRIBUTOR, FAILED),
        (permissions((["*/read"], [])), FAILED),
        (permissions((["Microsoft.Authorization/roleAssignments/read"], [])), FAILED),
        (permissions(), FAILED),
    ],
)
def test_roles_can_be_assigned_when_one_assignment_allows_it_and_does_not_take_it_back(
    granted: object, verdict: Verdict
) -> None:
    check = checks.roles(answer(Permissions, granted), answer(Account, ACCOUNT))

    remedy = f"--role 'Role Based Access Control Administrator' --scope /subscriptions/{SUBSCRIPTION}"
    assert_is(check, verdict, "kim@example.com", remedy if verdict == FAILED else "")


def test_a_guests_name_is_safe_in_the_remedys_command() -> None:
    guest = answer(Account, ACCOUNT | {"user": {"name": "live.com#kim@example.com", "type": "user"}})

    assert "--assignee 'live.com#kim@example.com' " in checks.roles(answer(Permissions, CONTRIBUTOR), guest).remedy


@pytest.mark.parametrize(("place", "verdict"), [("/usr/bin/kubelogin", OK), (None, WARNING)])
def test_kubelogin_must_be_there(place: str | None, verdict: Verdict) -> None:
    assert_is(checks.kubelogin(place), verdict, place or "not on PATH", "az aks install-cli" if not place else "")
