"""Stopping and starting the AKS cluster of a lab.

The program cannot do it: for Pulumi's provider the power state is an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.table import Table

from lab.core.errors import LabError
from lab.platforms.azure.cli import NotFoundError, ask
from lab.platforms.azure.models import Cluster, read

if TYPE_CHECKING:
    from rich.console import Console

    from lab.core.progress import Progress

_LONGEST = 1800.0
"""Seconds; AKS takes minutes, and longer when Pods resist their eviction."""

_SETTLED = ("Succeeded", "Failed", "Canceled", "")
"""Provisioning states in which Azure works on nothing."""

_STOPPED = "Stopped"


@dataclass(frozen=True, kw_only=True)
class ClusterId:
    """Which AKS cluster.

    Attributes:
        subscription: its id.
        resource_group: of the cluster, not that of its nodes.
        name: of the cluster.
    """

    subscription: str
    resource_group: str
    name: str


def status(cluster: ClusterId) -> Cluster:
    """How the cluster is.

    Raises:
        NotFoundError: there is no such cluster.
        LabError: Azure cannot be asked.
    """
    return read(Cluster, ask("aks", "show", *_which(cluster)))


def show(found: Cluster, console: Console) -> None:
    """Print how a cluster is, and what it still costs if it is stopped."""
    console.print(
        f"AKS cluster [bold]{found.name}[/]: {found.power or 'Running'}, {found.provisioning}", highlight=False
    )
    console.print(f"Kubernetes {found.version}", highlight=False)
    table = Table("node pool", "mode", "VM size", "nodes", "priority")
    for pool in found.pools:
        table.add_row(pool.name, pool.mode, pool.vm_size, str(pool.count), pool.priority or "Regular")
    console.print(table)
    if found.power == _STOPPED:
        _tell_what_stopped_means(console)


def stop(cluster: ClusterId, console: Console, progress: Progress) -> None:
    """Stop a cluster and wait until it is; one that is stopped is left alone.

    Raises:
        LabError: it cannot be stopped now, with the cause.
    """
    if _change("stop", cluster, progress):
        console.print(f"AKS cluster {cluster.name} is stopped.", highlight=False)
    else:
        console.print(f"AKS cluster {cluster.name} is stopped already.", highlight=False)
    _tell_what_stopped_means(console)


def start(cluster: ClusterId, console: Console, progress: Progress) -> None:
    """Start a cluster and wait until it runs; one that runs is left alone.

    Raises:
        LabError: it cannot be started now, with the cause.
    """
    if _change("start", cluster, progress):
        console.print(f"AKS cluster {cluster.name} runs; its Pods need a few minutes more.", highlight=False)
    else:
        console.print(f"AKS cluster {cluster.name} runs already.", highlight=False)


def require_running(cluster: ClusterId, *, start_command: str = "lab start") -> None:
    """Refuse to work on a stopped cluster: all that Azure allows there is to start it or to delete it.

    A cluster that does not exist yet is no reason to refuse.

    Args:
        cluster: which one.
        start_command: what starts it, for the message.

    Raises:
        LabError: it is stopped, or Azure cannot be asked.
    """
    try:
        found = status(cluster)
    except NotFoundError:
        return
    if found.power == _STOPPED:
        raise LabError(f"AKS cluster {cluster.name} is stopped", f"start it with: {start_command}")


def _change(verb: Literal["start", "stop"], cluster: ClusterId, progress: Progress) -> bool:
    """Whether there was anything to do."""
    found = status(cluster)
    if found.provisioning not in _SETTLED:
        raise LabError(
            f"Azure is still busy with AKS cluster {cluster.name}: its provisioning state is {found.provisioning}",
            "wait until it is Succeeded, which is said by: lab status",
        )
    if (found.power == _STOPPED) == (verb == "stop"):
        return False
    doing = {"stop": "stopping", "start": "starting"}[verb]
    with progress.step(f"{doing} AKS cluster {cluster.name}"):
        ask("aks", verb, *_which(cluster), timeout=_LONGEST)
    return True


def _which(cluster: ClusterId) -> tuple[str, ...]:
    return (
        *("--subscription", cluster.subscription),
        *("--resource-group", cluster.resource_group),
        *("--name", cluster.name),
    )


def _tell_what_stopped_means(console: Console) -> None:
    for line in (
        "Stopped nodes cost nothing; disks, public IPs, the load balancer and the registry still do.",
        "Azure asks for 15 to 30 minutes between a stop and the next start, and keeps a stopped cluster for 12 months.",
        "Start it again with: lab start",
    ):
        console.print(line, highlight=False, soft_wrap=True)
