"""Stopping and starting the AKS cluster of a lab.

The program cannot do it: for Pulumi's provider the power state is an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lab.core.errors import LabError
from lab.platforms.azure.cli import ask
from lab.platforms.azure.models import Cluster, read

if TYPE_CHECKING:
    from lab.core.progress import Progress

_CHANGE_TIMEOUT = 1800.0
"""Seconds; AKS takes minutes, and longer when Pods resist their eviction."""

_IDLE = ("Succeeded", "Failed", "Canceled", "")
"""Provisioning states in which Azure accepts a change."""

STOPPED = "Stopped"


@dataclass(frozen=True, kw_only=True)
class ClusterId:
    """An AKS cluster in its own resource group, not that of its nodes; `subscription` is an id."""

    subscription: str
    resource_group: str
    name: str


def status(cluster: ClusterId) -> Cluster:
    """Ask Azure for the state of a cluster.

    Raises:
        NotFoundError: there is no such cluster.
        LabError: Azure cannot be asked.
    """
    return read(Cluster, ask("aks", "show", *_which(cluster)))


def stop(cluster: ClusterId, progress: Progress) -> bool:
    """Stop a cluster and wait until it has stopped.

    Returns:
        False if it was stopped already.

    Raises:
        LabError: it cannot be stopped now, with the cause.
    """
    return _change("stop", cluster, progress)


def start(cluster: ClusterId, progress: Progress) -> bool:
    """Start a cluster and wait until it runs.

    Returns:
        False if it ran already.

    Raises:
        LabError: it cannot be started now, with the cause.
    """
    return _change("start", cluster, progress)


def _change(verb: Literal["start", "stop"], cluster: ClusterId, progress: Progress) -> bool:
    found = status(cluster)
    if found.provisioning not in _IDLE:
        raise LabError(
            f"Azure is still busy with AKS cluster {cluster.name}: its provisioning state is {found.provisioning}",
            "wait until it is Succeeded, see: lab status",
        )
    if (found.power == STOPPED) == (verb == "stop"):
        return False
    doing = {"stop": "stopping", "start": "starting"}[verb]
    with progress.step(f"{doing} AKS cluster {cluster.name}"):
        ask("aks", verb, *_which(cluster), timeout=_CHANGE_TIMEOUT)
    return True


def _which(cluster: ClusterId) -> tuple[str, ...]:
    return (
        *("--subscription", cluster.subscription),
        *("--resource-group", cluster.resource_group),
        *("--name", cluster.name),
    )
