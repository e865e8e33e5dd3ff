"""Run commands where a Pod of the lab runs: in the Pod itself, or in its simulated network."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.platforms.dataplane import lifecycle
from lab.services import pages

if TYPE_CHECKING:
    from lab.adapters.stack import Stack


def prefix(stack: Stack, pod: str) -> list[str]:
    """Words before a command that run it in `pod`: a name, or the beginning of one, a dot, a namespace."""
    name, _, namespace = pod.rpartition(".")
    if not name:
        raise LabError(f'lab curl: --from: found "{pod}"', "allowed: a Pod, a dot, its namespace: siege.tutorial")
    if not pages.runs_containers(stack):
        if not shutil.which("curl"):
            raise LabError("curl is not installed on this machine", "install it, then run the same command again")
        return lifecycle.inside(stack.directory, pod)
    found = kubectl.run(stack.kubeconfig, "-n", namespace, "get", "pods", "--output=name").split()
    names = [each.removeprefix("pod/") for each in found]
    chosen = next((each for each in names if each == name or each.startswith(f"{name}-")), "")
    if not chosen:
        raise LabError(f"the namespace {namespace} has no Pod {name}", f"it has: {', '.join(names) or 'none at all'}")
    program = [str(toolchain.path("kubectl")), f"--kubeconfig={stack.kubeconfig}", "-n", namespace]
    return [*program, "exec", "--stdin", chosen, "--"]
