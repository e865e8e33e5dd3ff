"""A plan for a cluster that stands already: what AKS changes in place, and what it does not.

AKS never lowers a version, skips none when it raises one, and gives no pool another VM size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.settings.groups import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Settings
    from lab.settings.groups import Azure, SystemPool

SYSTEM = "system"
"""The name of the pool that is made with the cluster."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The system pool as it stands: the VM size, the number of nodes now, and the limits of the autoscaler."""

    vm_size: str
    count: int
    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A cluster as Azure describes it.

    Attributes:
        group: its resource group.
        name: of the cluster.
        version: the exact version that runs, `x.y.z`; empty if Azure does not say.
        pool: the pool `system`; None if somebody has put another in its place.
    """

    group: str
    name: str
    version: str
    pool: Pool | None

    @classmethod
    def of(cls, answer: Mapping[str, Any], *, group: str, name: str) -> Standing:
        """Read the answer to `getManagedCluster`."""
        found = next((each for each in answer.get("agentPoolProfiles") or () if each.get("name") == SYSTEM), None)
        version = answer.get("currentKubernetesVersion") or answer.get("kubernetesVersion") or ""
        return cls(group=group, name=name, version=str(version), pool=_pool(found) if found else None)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The request to AKS.

    Attributes:
        version: of Kubernetes.
        keeps_version: whether an update leaves the version alone.
        pool: the system pool.
        keeps_pool: whether an update leaves the pool alone.
        notes: what the settings ask for and do not get, a paragraph each.
    """

    version: str
    keeps_version: bool
    pool: Pool
    keeps_pool: bool
    notes: tuple[str, ...] = ()


def plan(azure: Azure, kubernetes_version: str, standing: Standing | None) -> Plan:
    """Plan a new cluster, or an update of the one that stands.

    Raises:
        LabError: AKS would refuse the version.
    """
    wanted = azure.system_pool
    least = min(wanted.count, wanted.max_count)
    asked = Pool(vm_size=wanted.vm_size, count=wanted.count, least=least, most=wanted.max_count)
    automatic = azure.maintenance.channel is not Channel.NONE
    if standing is None:
        return Plan(version=kubernetes_version, keeps_version=automatic, pool=asked, keeps_pool=True)
    version, raised, notes = _version(kubernetes_version, standing)
    keeps_version = automatic and not raised and not notes
    if (pool := standing.pool) is None:
        notes.append(_no_pool(standing))
        return Plan(version=version, keeps_version=keeps_version, pool=asked, keeps_pool=True, notes=tuple(notes))
    if pool.vm_size.lower() != asked.vm_size.lower():
        notes.append(_new_pool(pool, wanted, standing))
    limits = Pool(
        vm_size=pool.vm_size,
        count=max(asked.least, min(pool.count, asked.most)),
        least=asked.least,
        most=asked.most,
    )
    same = (pool.least, pool.most) == (limits.least, limits.most)
    return Plan(version=version, keeps_version=keeps_version, pool=limits, keeps_pool=same, notes=tuple(notes))


def with_nodes(settings: Settings, vm_size: str) -> Settings:
    """Return settings as if they asked for the nodes that stand."""
    pool = settings.azure.system_pool.model_copy(update={"vm_size": vm_size})
    return settings.model_copy(update={"azure": settings.azure.model_copy(update={"system_pool": pool})})


def _pool(found: Mapping[str, Any]) -> Pool:
    count = int(found.get("count") or 0)
    return Pool(
        vm_size=str(found.get("vmSize") or ""),
        count=count,
        least=int(found.get("minCount") or count),
        most=int(found.get("maxCount") or count),
    )


def _version(wanted: str, standing: Standing) -> tuple[str, bool, list[str]]:
    """Return the version to ask for, whether it is a newer minor, and what is to be said of it."""
    if not standing.version:
        return wanted, False, []
    asked, runs = _numbers(wanted), _numbers(standing.version)
    key = f"{PROJECT}:kubernetesVersion"
    if asked < runs[: len(asked)]:
        kept = ".".join(map(str, runs[:2]))
        note = (
            f'{key}: found "{wanted}"; the cluster runs {standing.version}, and AKS never goes back to an older '
            f'version: it stays. Set "{kept}", so that the charts are checked against what runs.'
        )
        return kept, False, [note]
    if asked[0] == runs[0] and asked[1] > runs[1] + 1:
        following = f"{runs[0]}.{runs[1] + 1}"
        raise LabError(
            f'{key}: found "{wanted}"; the cluster runs {standing.version}, and AKS skips no minor version',
            f'go there in steps, the next of which is: pulumi config set {key} "{following}"',
        )
    return wanted, asked[:2] > runs[:2], []


def _new_pool(pool: Pool, wanted: SystemPool, standing: Standing) -> str:
    where = f"--resource-group {standing.group} --cluster-name {standing.name}"
    scale = f"--node-count {wanted.count} --enable-cluster-autoscaler --min-count {wanted.count} --max-count "
    return (
        f'{PROJECT}:azure.systemPool.vmSize: found "{wanted.vm_size}"; the nodes are {pool.vm_size}, and AKS gives no '
        f"pool another VM size: they stay, and the estimates count with them. For other nodes make a new pool beside "
        f"it, then delete the old one: az aks nodepool add {where} --name system2 --mode System --node-vm-size "
        f"{wanted.vm_size} --os-sku Ubuntu {scale}{wanted.max_count}; az aks nodepool delete {where} --name {SYSTEM}"
    )


def _no_pool(standing: Standing) -> str:
    return (
        f"{PROJECT}:azure.systemPool: the cluster has no pool {SYSTEM} any more, so these settings change nothing. "
        f"Look at its pools: az aks nodepool list --resource-group {standing.group} --cluster-name {standing.name} "
        "--output table"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.partition("-")[0].split("."))
