"""`lab load`: many users at once on one Service of the shop, as the course does it with siege."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path  # noqa: TC003 - Typer looks at the types when it runs
from typing import Annotated

import typer

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import console, errors
from lab.cli.options import StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.errors import LabError
from lab.core.signals import termination_as_interrupt
from lab.services.load import siege, source
from lab.services.load.plan import MOST_SECONDS, MOST_USERS, Plan
from lab.services.load.report import most_frequent

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
    stack: StackName = "dev",
) -> None:
    """Put load on one Service of the shop: many users who ask again as soon as they are answered.

    `lab load order --users 30 --seconds 40` is the course's `siege -c30 -t40S -v http://order:8080`. On a cluster that
    runs containers it is just that, in the Pod `siege` of the namespace. Where Pods are simulated the load
    comes from the same Pod of the data plane, through its Envoy; on a machine that can have none, order and delivery
    run as processes of it for as long as the load lasts.

    Every second it says how far it is; Ctrl-C ends it early. The report has the rate, the answers by their status, and
    how long they took. It fails when not a single request was answered with success (2xx or 3xx).

    Examples: `lab load order --users 10 --seconds 20 --post` posts orders;
    `lab load delivery --json report.json` keeps the report.
    """
    plan = Plan(app=app, namespace=namespace, users=users, seconds=seconds, path=path, post=post)
    if json_file and not json_file.absolute().parent.is_dir():
        raise LabError(f"--json: there is no folder {json_file.absolute().parent}", "make it, or name another file")
    target = Stack(stack)
    with termination_as_interrupt(), contextlib.ExitStack() as prepared:
        with Progress() as progress:  # its board leaves the terminal to the lines of the load
            load_source = prepared.enter_context(
                source.prepared(target, plan, progress, on_line=_note if verbose else None)
            )
        _note(load_source.note)
        report = load_source.run()
    if json_file:
        json_file.write_text(json.dumps(report.plain(), indent=2) + "\n", encoding="utf-8")
    for line in report.lines():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if report.interrupted:
        sys.exit(_INTERRUPTED)
    if not report.outcome.answered:
        raise LabError(
            f"not one of {report.outcome.requests:,} requests was answered",
            f"see how its Pods are: kubectl -n {namespace} get pods -l app={app}",
        )
    if not report.outcome.succeeded:
        raise LabError(
            f"not one of {report.outcome.requests:,} requests succeeded: "
            f"most answers are {most_frequent(report.outcome.codes)}",
            f"see one of them: lab curl --from {siege.POD}.{namespace} -i {plan.url}{target.option}",
        )


def _note(line: str) -> None:
    errors.print(line, markup=False, highlight=False, soft_wrap=True)
