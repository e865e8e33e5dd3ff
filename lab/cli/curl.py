"""`lab curl`: send a request as a Pod of the mesh."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.adapters import process
from lab.adapters.stack import Stack
from lab.core.errors import LabError

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Unknown options, and all that follows them, are curl's."""


def curl(
    context: typer.Context,
    from_: Annotated[
        str, typer.Option("--from", help="The Pod that sends it: its name, a dot, its namespace.")
    ] = "siege.tutorial",
    # Not the shared option: -s is curl's own.
    stack: Annotated[str, typer.Option("--stack", envvar="STACK", help="Pulumi stack to use.")] = "dev",
) -> None:
    """Send a request as a Pod of the mesh: everything behind the options is curl's own.

    On a cluster that runs containers curl runs in the Pod. On the embedded target it is this machine's curl in the
    Pod's network, where the names of Services lead to the Pod's Envoy. A Deployment's Pod may be named by the beginning
    of its name: `--from productpage.tutorial`.

    Examples: `lab curl http://order:8080/orders`;
    `lab curl --from siege.shop -i -X POST -H 'Content-Type: application/json'
    -d '{"productId":"1001","qty":5}' http://order:8080/orders`
    """
    from lab.services import pod_exec

    if not context.args:
        raise LabError("lab curl: no address is given", "for example: lab curl http://order:8080/orders")
    chosen = Stack(stack)
    chosen.require_up()
    prefix = pod_exec.prefix(chosen, from_)
    # What the user's ~/.curlrc says would change the request.
    command = [*prefix.words, "curl", "--disable", *context.args]
    sys.exit(process.interact(command, environment=prefix.environment))
