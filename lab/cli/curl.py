"""`lab curl`: a request as a Pod of the mesh makes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.adapters.stack import Stack

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Everything that is not understood is for curl, and so is everything behind it."""


def curl(
    context: typer.Context,
    from_: Annotated[
        str, typer.Option("--from", help="The Pod that asks: its name, a dot, its namespace.")
    ] = "siege.tutorial",
    stack: Annotated[
        str, typer.Option("--stack", envvar="STACK", help="Which lab: each stack is one of its own, side by side.")
    ] = "dev",
) -> None:
    """Send a request as a Pod of the mesh: everything behind the options is curl's own.

    On a cluster that runs containers curl runs in the Pod. On the embedded target it is this machine's curl in the
    Pod's network, where the names of Services lead to the Pod's Envoy. A Deployment's Pod may be named by the beginning
    of its name: `--from productpage.tutorial`.

    Examples: `lab curl http://order:8080/orders`;
    `lab curl --from siege.shop -i -X POST -H 'Content-Type: application/json'
    -d '{"productId":"1001","qty":5}' http://order:8080/orders`
    """
    from lab.adapters.stack import Stack

    if not context.args:
        raise LabError("lab curl: no address is given", "for example: lab curl http://order:8080/orders")
    chosen = Stack(stack)
    if not chosen.kubeconfig.is_file():
        raise LabError(f"stack {stack} does not stand", f"make up{chosen.suffix}")
    sys.exit(subprocess.run([*inside(chosen, from_), "curl", *context.args], check=False).returncode)


def inside(stack: Stack, pod: str) -> list[str]:
    """The words before a command that make it one of a Pod's processes.

    Args:
        stack: which lab.
        pod: its name, or the beginning of it, a dot, and its namespace.

    Raises:
        LabError: there is no such Pod, or it does not run.
    """
    from lab import toolchain
    from lab.adapters import kubectl
    from lab.services import pages

    name, _, namespace = pod.rpartition(".")
    if not name:
        raise LabError(f'lab curl: --from: found "{pod}"', "allowed: a Pod, a dot, its namespace: siege.tutorial")
    if not pages.runs_containers(stack):
        from lab.platforms.dataplane import lifecycle

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
