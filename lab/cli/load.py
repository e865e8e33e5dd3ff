"""`lab load`: many users at once on one Service of the shop, as the course does it with siege."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path  # noqa: TC003 - Typer looks at the types when it runs
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lab.core.errors import LabError
from lab.services.load.plan import MOST_SECONDS, MOST_USERS, PORT, Plan

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.services.load.destination import Destination
    from lab.services.load.report import Outcome, Report

console = Console()
notes = Console(stderr=True)

_INTERRUPTED = 130


def load(  # noqa: PLR0913 - the options of a command
    app: Annotated[str, typer.Argument(help="The Service that is asked: order or delivery.")],
    users: Annotated[
        int, typer.Option("--users", "-c", help=f"How many ask at the same time, 1 to {MOST_USERS}.")
    ] = 30,
    seconds: Annotated[int, typer.Option("--seconds", "-t", help=f"For how long, 1 to {MOST_SECONDS}.")] = 40,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the Service is.")] = "shop",
    path: Annotated[
        str, typer.Option(help="What they ask for.", show_default="/, with --post /orders or /deliveries")
    ] = "",
    *,
    post: Annotated[bool, typer.Option("--post", help="Post orders (or deliveries) instead of getting pages.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every line of siege too, where it runs.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report to this file as well.")] = None,
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
    ] = "dev",
) -> None:
    """Put load on one Service of the shop: many users who ask again as soon as they are answered.

    `lab load order --users 30 --seconds 40` is the course's `siege -c30 -t40S -v http://order:8080`. On a cluster that
    runs containers it is just that, in the Pod `siege` of the namespace. Where Pods are simulated the load
    comes from the same Pod of the data plane, through its Envoy; on a machine that can have none, order and delivery
    run as processes of it for as long as the load lasts.

    Every second it says how far it is; Ctrl-C ends it early. The report has the rate, the answers by their status, and
    how long they took. It fails when not a single request was answered.

    Examples: `lab load order --users 10 --seconds 20 --post` posts orders;
    `lab load delivery --json report.json` keeps the report.
    """
    from lab.adapters.stack import Stack
    from lab.services.load.generator import interruptible

    plan = Plan(app=app, namespace=namespace, users=users, seconds=seconds, path=path, post=post)
    if json_file and not json_file.absolute().parent.is_dir():
        raise LabError(f"--json: there is no folder {json_file.absolute().parent}", "make it, or name another file")
    with interruptible():
        report = run(Stack(stack), plan, verbose=verbose)
    if json_file:
        json_file.write_text(json.dumps(report.plain(), indent=2) + "\n", encoding="utf-8")
    for line in report.lines():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if report.interrupted:
        sys.exit(_INTERRUPTED)
    if not report.outcome.answered:
        raise LabError(
            f"not one of {report.outcome.requests:,} requests was answered", f"see how its Pods are: {_pods(plan)}"
        )


def run(stack: Stack, plan: Plan, *, verbose: bool = False) -> Report:
    """Make the load where the stack has something that answers.

    Args:
        stack: which lab.
        plan: what is asked for.
        verbose: print siege's own lines to standard error.

    Raises:
        LabError: the stack does not stand, there is no such Service, or the load cannot be made.
    """
    from lab.services import pages

    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    in_cluster = pages.runs_containers(stack)
    _require_service(stack, plan)
    return _from_pod(stack, plan, verbose=verbose) if in_cluster else _from_here(stack, plan)


def _from_pod(stack: Stack, plan: Plan, *, verbose: bool) -> Report:
    from lab.services.load import siege
    from lab.services.load.meter import Meter

    siege.require_pod(stack, plan.namespace)
    _say(f"in the Pod {siege.POD} of the namespace {plan.namespace}: siege {' '.join(siege.arguments(plan))}")
    outcome, interrupted = siege.run(stack, plan, Meter(plan.seconds), _say if verbose else None)
    return _report(plan, f"siege in the namespace {plan.namespace}", outcome, interrupted=interrupted)


def _from_here(stack: Stack, plan: Plan) -> Report:
    from lab import toolchain
    from lab.cli.board import Progress
    from lab.services.load import fortio, shop
    from lab.services.load.destination import Destination
    from lab.services.load.meter import Meter
    from lab.toolchain import applications

    plane = _data_plane(stack, plan)
    if isinstance(plane, Destination):
        _say(f"from the Pod siege of the namespace {plan.namespace}, through its Envoy: {plan.url}")
        with Progress() as progress:
            toolchain.ensure(toolchain.LOAD, progress=progress)
        outcome, interrupted = fortio.run(toolchain.path("fortio"), plane, plan, Meter(plan.seconds))
        return _report(plan, plane.by, outcome, interrupted=interrupted)
    if plan.app not in applications.names():
        raise LabError(
            f"the Pods of stack {stack.name} are simulated, and {plan.app} cannot run on this machine instead",
            f"take one of: {', '.join(applications.names())}; or a cluster that runs containers",
        )
    _say(
        f"The Pods of stack {stack.name} are simulated, and there is no data plane: {plane}. Instead, {plan.app} runs "
        "as a process of this machine while the load lasts: without Envoy, without MySQL, with one replica."
    )
    with contextlib.ExitStack() as held:
        with Progress() as progress:  # its board leaves the terminal to the lines of the load
            toolchain.ensure(toolchain.LOAD, progress=progress)
            destination = held.enter_context(shop.on_loopback(plan.app, _variables(stack), progress))
        outcome, interrupted = fortio.run(toolchain.path("fortio"), destination, plan, Meter(plan.seconds))
    return _report(plan, destination.by, outcome, interrupted=interrupted)


def _data_plane(stack: Stack, plan: Plan) -> Destination | str:
    """The way through the data plane, or why there is none."""
    from lab.platforms.dataplane import lifecycle
    from lab.services.load.destination import Destination

    if why := lifecycle.unavailable():
        return why
    return Destination(
        base=f"http://{plan.app}:{PORT}",
        by=f"fortio in the Pod siege of the namespace {plan.namespace}, through its Envoy",
        inside=tuple(lifecycle.inside(stack.directory, f"siege.{plan.namespace}")),
    )


def _variables(stack: Stack) -> dict[str, dict[str, str]]:
    """What the stack's settings make of each application; logs of every request would fill this machine's disk."""
    from lab.settings import Settings

    settings = Settings.from_mapping(stack.config(), source=stack.file.name).shop
    chosen = {"order": settings.order, "delivery": settings.delivery}
    return {
        name: {
            "APP_VERSION": app.version,
            "APP_COLOUR": app.colour,
            "VARIANT": app.variant.value,
            f"{name.upper()}_LOG_LEVEL": "WARNING",
        }
        for name, app in chosen.items()
    }


def _require_service(stack: Stack, plan: Plan) -> None:
    from lab.adapters import kubectl

    found = kubectl.run(stack.kubeconfig, "-n", plan.namespace, "get", "services", "--output=name").split()
    names = [name.removeprefix("service/") for name in found]
    if plan.app not in names:
        raise LabError(
            f"the namespace {plan.namespace} of stack {stack.name} has no Service {plan.app}; "
            f"it has {', '.join(names) or 'none at all'}",
            f"name another with --namespace, or let the shop be made: make up{stack.suffix}",
        )


def _report(plan: Plan, by: str, outcome: Outcome, *, interrupted: bool) -> Report:
    from lab.services.load.report import Report

    return Report(
        method=plan.method,
        url=plan.url,
        by=by,
        users=plan.users,
        asked=plan.seconds,
        outcome=outcome,
        interrupted=interrupted,
    )


def _pods(plan: Plan) -> str:
    return f"kubectl -n {plan.namespace} get pods -l app={plan.app}"


def _say(line: str) -> None:
    notes.print(line, markup=False, highlight=False, soft_wrap=True)
