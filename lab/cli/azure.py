"""`lab stop`, `lab start` and `lab status` of a cluster on Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, say, styled
from lab.cli.options import StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.platforms.azure import power
from lab.services import azure_updates

if TYPE_CHECKING:
    from lab.platforms.azure.models import Cluster

_WHILE_STOPPED = (
    "Stopped nodes cost nothing; disks, public IPs, the load balancer and the registry still do.\n"
    "Azure asks for 15 to 30 minutes between a stop and the next start, and keeps a stopped cluster for 12 months.\n"
    "Start it again with: lab start"
)


def stop(stack: StackName = "azure") -> None:
    """Stop a cluster on Azure, for example overnight: its VMs then cost nothing, and nothing in it is lost."""
    cluster = azure_updates.require_cluster(Stack(stack))
    with Progress() as progress:
        changed = power.stop(cluster, progress)
    say(f"AKS cluster {cluster.name} is {'stopped' if changed else 'stopped already'}.")
    say(_WHILE_STOPPED)


def start(stack: StackName = "azure") -> None:
    """Start a stopped cluster on Azure again."""
    cluster = azure_updates.require_cluster(Stack(stack))
    with Progress() as progress:
        changed = power.start(cluster, progress)
    say(f"AKS cluster {cluster.name} runs{'; its Pods need a few minutes more' if changed else ' already'}.")


def status(stack: StackName = "azure") -> None:
    """Show whether a cluster on Azure runs, with its version and its nodes."""
    show(power.status(azure_updates.require_cluster(Stack(stack))))


def show(cluster: Cluster) -> None:
    """Print the state of a cluster, and what it still costs if it is stopped."""
    say(styled("AKS cluster [bold]{}[/]: {}, {}", cluster.name, cluster.power or "Running", cluster.provisioning))
    say(f"Kubernetes {cluster.version}")
    table = Table("node pool", "mode", "VM size", "nodes", "priority")
    for pool in cluster.pools:
        table.add_row(pool.name, pool.mode, pool.vm_size, str(pool.count), pool.priority or "Regular")
    console.print(table)
    if cluster.power == power.STOPPED:
        say(_WHILE_STOPPED)
