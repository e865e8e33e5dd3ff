"""`lab curl`: send a request as a Pod of the mesh."""

from __future__ import annotations

import sys
import threading
from typing import Annotated

import typer

from lab.adapters import process
from lab.adapters.stack import Stack
from lab.cli.console import errors
from lab.core.errors import LabError

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Unknown options, and all that follows them, are curl's."""


PATIENCE = 60
"""Seconds that one request may take, unless the user says otherwise."""

_CONNECTING = 10
"""Seconds to reach the Pod's own Envoy."""

_SILENT = 2.0
"""Seconds after which somebody at a terminal is told what is waited for."""

_TIMED_OUT = 28
"""curl's exit code."""


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
    of its name: `--from productpage.tutorial`. A request may take a minute: curl's `--max-time SECONDS` allows more.

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
    # What the user's ~/.curlrc says would change the request. Of an option that is given twice, curl takes the last.
    limits = ("--connect-timeout", str(_CONNECTING), "--max-time", str(PATIENCE))
    command = [*prefix.words, "curl", "--disable", *limits, *context.args]
    sign = threading.Timer(_SILENT, _tell, (from_,))
    sign.daemon = True
    if sys.stderr.isatty():
        sign.start()
    try:
        code = process.interact(command, environment=prefix.environment)
    finally:
        sign.cancel()
    if code == _TIMED_OUT:
        errors.print(f"{from_} waited in vain. It waits longer with: lab curl --max-time SECONDS ...", soft_wrap=True)
    sys.exit(code)


def _tell(pod: str) -> None:
    errors.print(f"{pod} waits for an answer, {PATIENCE} s at most unless --max-time says otherwise", soft_wrap=True)
