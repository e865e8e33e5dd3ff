"""Checks of Azure's answers against the lab's needs; each is a pure function."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.platforms.azure.models import (
        Account,
        KubernetesMinor,
        KubernetesVersions,
        Permissions,
        Policies,
        Provider,
        Usage,
        Version,
        VmSize,
    )

PROVIDERS = (
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.Consumption",
    "Microsoft.ContainerRegistry",
    "Microsoft.ContainerService",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
)
"""Resource providers of the lab's resources, and of AKS's own in its node resource group."""

OLDEST_CLI = (2, 60, 0)
"""Of April 2024. Much older ones answer `az aks get-versions` in another shape, which the lab cannot read."""

SYSTEM_POOL_VCPUS = 4
"""AKS's minimum for a node of a system pool; the page "Use system node pools" also excludes the B series."""

_SMALL_OFFERS = {
    "FreeTrial": "a free trial",
    "AzureForStudents": "Azure for Students",
    "DreamSpark": "Azure for Students Starter",
    "AzurePass": "an Azure Pass",
}
"""Beginnings of quota ids whose vCPU quota is small and cannot be raised."""

_ASSIGN_ROLES = "Microsoft.Authorization/roleAssignments/write"


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check with its result; the remedy is one command where there is one, and empty when all is well."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class AzureNeeds:
    """The lab's needs beyond what it already has.

    Attributes:
        subscription: id or name; empty for the one that az works on.
        location: the region, such as `koreacentral`.
        kubernetes_version: a minor or an exact version.
        vm_size: of the system pool's nodes.
        nodes: how many of them are still to be made, 0 when the cluster stands: what stands counts as used.
        spot_vm_size: of the Spot pool's nodes; none without such a pool.
        spot_nodes: how many of them are still to be made.
        entra: whether people log in to the cluster with Entra ID.
    """

    subscription: str
    location: str
    kubernetes_version: str
    vm_size: str
    nodes: int
    spot_vm_size: str | None
    spot_nodes: int
    entra: bool


def cli(version: Version) -> Check:
    """Check the version of the Azure CLI."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version.cli)[:3])
    if numbers >= OLDEST_CLI:
        return _ok("Azure CLI", version.cli)
    return _failed("Azure CLI", f"{version.cli}; {'.'.join(map(str, OLDEST_CLI))} or newer is needed", "az upgrade")


def subscription(account: Account, needs: AzureNeeds) -> Check:
    """Check that az uses the lab's subscription."""
    wanted, found = needs.subscription, f"{account.name} ({account.id}), as {account.user}"
    if wanted and wanted.lower() not in (account.id.lower(), account.name.lower()):
        return _failed(
            "subscription", f"{found}; wanted {wanted}", f"az account set --subscription {shlex.quote(wanted)}"
        )
    if account.state != "Enabled":
        return _failed(
            "subscription",
            f"{found}, is {account.state}: nothing can be made in it",
            "reactivate it in the portal under Subscriptions, then: az account list --refresh",
        )
    return _ok("subscription", found)


def offer(policies: Policies) -> Check:
    """Check for an offer with small quotas or a spending limit."""
    kind = next((name for begin, name in _SMALL_OFFERS.items() if policies.quota_id.startswith(begin)), "")
    if kind:
        return _warning(
            "offer",
            f"{policies.quota_id}: {kind}; its vCPU quota is small and cannot be raised, and all stops with its credit",
            "keep the lab small and stop it after class: lab stop",
        )
    if policies.spending_limit == "On":
        return _warning(
            "offer",
            f"{policies.quota_id}: a spending limit is on; all stops when the credit of the month is used up",
            "stop the lab after class: lab stop",
        )
    return _ok("offer", policies.quota_id)


def providers(found: tuple[Provider, ...]) -> Check:
    """Check the registration of the resource providers."""
    states = {entry.namespace.lower(): entry.registration_state for entry in found}
    lacking = {name: state for name in PROVIDERS if (state := states.get(name.lower(), "unknown")) != "Registered"}
    if not lacking:
        return _ok("resource providers", f"{len(PROVIDERS)} registered")
    text = ", ".join(f"{name} is {state}" for name, state in lacking.items())
    if set(lacking.values()) == {"Registering"}:
        return _warning("resource providers", text, "wait some minutes, then: lab doctor --target azure")
    commands = (f"az provider register --namespace {name} --wait" for name in lacking)
    return _failed("resource providers", text, " && ".join(commands))


def system_size(found: tuple[VmSize, ...], needs: AzureNeeds) -> Check:
    """Check that the system pool's VM size is available and allowed by AKS."""
    name, wanted = "VM size", needs.vm_size
    size = pick(found, wanted)
    if size is None or size.refusal:
        return _not_offered(name, size, wanted, needs)
    if re.match(r"Standard_B\d", size.name, re.IGNORECASE):
        return _failed(name, f"{wanted} is of the B series: AKS excludes it for system pools", _sizes(needs))
    if size.vcpus < SYSTEM_POOL_VCPUS:
        return _failed(
            name,
            f"{wanted} has {size.vcpus} vCPUs; AKS asks for {SYSTEM_POOL_VCPUS} in a system pool",
            _sizes(needs),
        )
    return _ok(name, f"{wanted}, {size.vcpus} vCPUs")


def spot_size(found: tuple[VmSize, ...], needs: AzureNeeds) -> Check:
    """Check that the Spot pool's VM size is available as Spot."""
    name, wanted = "Spot VM size", needs.spot_vm_size or ""
    size = pick(found, wanted)
    if size is None or size.refusal:
        return _not_offered(name, size, wanted, needs)
    if not size.spot:
        return _failed(name, f"{wanted} is not offered as Spot in {needs.location}", _sizes(needs))
    return _ok(name, f"{wanted}, {size.vcpus} vCPUs")


def quota(usages: tuple[Usage, ...], size: VmSize, needs: AzureNeeds) -> Check:
    """Check the regional and the family quota for the regular nodes and the surge node of an upgrade."""
    vcpus = (needs.nodes + 1) * size.vcpus
    return _quota("vCPU quota", usages, ("cores", size.family), vcpus, needs)


def spot_quota(usages: tuple[Usage, ...], size: VmSize, needs: AzureNeeds) -> Check:
    """Check the low-priority quota, which all families share."""
    return _quota("Spot vCPU quota", usages, ("lowPriorityCores",), needs.spot_nodes * size.vcpus, needs)


def kubernetes(found: KubernetesVersions, needs: AzureNeeds) -> Check:
    """Check that AKS offers the Kubernetes version in the region without long-term support."""
    name, wanted = "Kubernetes version", needs.kubernetes_version
    listing = f"az aks get-versions --location {needs.location} --output table"
    number = ".".join(wanted.split(".")[:2])
    minor = next((entry for entry in found.values if entry.version == number), None)
    official = [entry for entry in found.values if "KubernetesOfficial" in entry.plans and not entry.preview]
    nearest = max((entry.version for entry in official), key=_numbers, default="")
    remedy = f"pulumi config set istio-lab:kubernetesVersion {nearest}" if nearest else listing
    if minor is None:
        offered = ", ".join(sorted((entry.version for entry in official), key=_numbers)) or "none"
        return _failed(name, f"{wanted} is not offered in {needs.location}; offered: {offered}", remedy)
    if "KubernetesOfficial" not in minor.plans:
        return _failed(name, f"{wanted} is offered with long-term support (Premium) only", remedy)
    if wanted != number and wanted not in minor.patches:
        return _failed(
            name,
            f"{wanted} is not offered; of {number}: {', '.join(sorted(minor.patches, key=_numbers))}",
            f"pulumi config set istio-lab:kubernetesVersion {number}",
        )
    if minor.preview:
        return _warning(name, f"{wanted} is a preview in {needs.location}: not supported by Azure", remedy)
    return _ok(name, f"{wanted}, newest patch {_newest(minor)}")


def roles(permissions: Permissions, account: Account) -> Check:
    """Check that the caller may assign roles in the subscription.

    Conditions that Azure may put on that right are not in the answer and so not checked.
    """
    name, action = "right to assign roles", _ASSIGN_ROLES.lower()

    def covered(patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(action, pattern.lower()) for pattern in patterns)

    if any(covered(entry.actions) and not covered(entry.not_actions) for entry in permissions.value):
        return _ok(name, account.user)
    return _failed(
        name,
        f"{account.user} may not assign roles; the cluster needs one to pull from its registry",
        f"ask an Owner to run: az role assignment create --assignee {shlex.quote(account.user)} "
        f"--role 'Role Based Access Control Administrator' --scope /subscriptions/{account.id}",
    )


def kubelogin(place: str | None) -> Check:
    """Check for kubelogin, which gets kubectl's Entra ID tokens."""
    if place:
        return _ok("kubelogin", place)
    return _warning(
        "kubelogin", "not on PATH; `lab up` brings it, kubectl cannot log in without it", "az aks install-cli"
    )


def pick(found: tuple[VmSize, ...], wanted: str) -> VmSize | None:
    """Find the size of exactly this name: az also lists those that contain it."""
    return next((size for size in found if size.name.lower() == wanted.lower()), None)


def failed(name: str, found: str, remedy: str) -> Check:
    """Report a check that could not be made."""
    return _failed(name, found, remedy)


def _not_offered(name: str, size: VmSize | None, wanted: str, needs: AzureNeeds) -> Check:
    if size is None:
        return _failed(name, f"there is no {wanted} in {needs.location}", _sizes(needs))
    reason = f"{wanted} is not offered to this subscription in {needs.location} ({size.refusal})"
    return _failed(name, reason, _sizes(needs))


def _sizes(needs: AzureNeeds) -> str:
    """Return the command that lists what is available: without `--all` az omits the rest."""
    return f"az vm list-skus --location {needs.location} --size Standard_D4 --output table"


def _quota(name: str, usages: tuple[Usage, ...], wanted: tuple[str, ...], vcpus: int, needs: AzureNeeds) -> Check:
    by_name = {entry.name.lower(): entry for entry in usages}
    listing = f"az vm list-usage --location {needs.location} --output table"
    if unknown := [entry for entry in wanted if entry.lower() not in by_name]:
        return _warning(name, f"{vcpus} vCPUs needed; Azure tells no quota called {', '.join(unknown)}", listing)
    quotas = [by_name[entry.lower()] for entry in wanted]
    short = [entry for entry in quotas if vcpus > entry.limit - entry.used]
    told = "; ".join(f"{entry.label}: {entry.used} of {entry.limit} used" for entry in short or quotas)
    if short:
        return _failed(
            name,
            f"{vcpus} vCPUs needed; {told}",
            f"fewer or smaller nodes, another region, or more quota (in the portal under Quotas); see: {listing}",
        )
    return _ok(name, f"{vcpus} vCPUs needed; {told}")


def _newest(minor: KubernetesMinor) -> str:
    return max(minor.patches, key=_numbers, default="unknown")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _ok(name: str, found: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, found=found)


def _warning(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, verdict=Verdict.WARNING, found=found, remedy=remedy)


def _failed(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, verdict=Verdict.FAILED, found=found, remedy=remedy)
