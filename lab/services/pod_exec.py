"""Run commands where a Pod of the lab runs: in the Pod itself, or in its simulated network."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.adapters import environment, kubectl
from lab.core.errors import LabError
from lab.platforms.dataplane import lifecycle
from lab.services import pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.adapters.stack import Stack


@dataclass(frozen=True)
class Prefix:
    """What makes a command a process of a Pod.

    Attributes:
        words: what comes before the command.
        environment: its variables: no proxy of the user's, who does not know the names in a lab.
    """

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=environment.make)


def prefix(stack: Stack, pod: str) -> Prefix:
    """Return what makes a command a process of `pod`: its name, or the beginning of it, a dot, and its namespace.

    Raises:
        LabError: there is no such Pod, or it does not run.
    """
    name, _, namespace = pod.rpartition(".")
    if not name:
        raise LabError(f'lab curl: --from: found "{pod}"', "allowed: a Pod, a dot, its namespace: siege.tutorial")
    if not pages.runs_containers(stack):
        if not shutil.which("curl"):
            raise LabError("curl is not installed on this machine", "install it, then run the same command again")
        return Prefix(lifecycle.inside(stack.directory, pod))
    found = kubectl.run(
        stack.kubeconfig, "-n", namespace, "get", "pods", "--output=name", "--request-timeout=30s"
    ).split()
    names = [each.removeprefix("pod/") for each in found]
    chosen = next((each for each in names if each == name or each.startswith(f"{name}-")), "")
    if not chosen:
        raise LabError(f"the namespace {namespace} has no Pod {name}", f"it has: {', '.join(names) or 'none at all'}")
    words = kubectl.command(stack.kubeconfig, "-n", namespace, "exec", "--stdin", chosen, "--")
    return Prefix(words, kubectl.variables())
