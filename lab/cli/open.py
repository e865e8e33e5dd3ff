"""`lab open`, `lab password` and `lab queries`: the tools that observe the mesh, and the course's queries."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column

from lab.adapters import port_forward
from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, errors, print_json, say, styled
from lab.cli.options import StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.signals import termination_as_interrupt
from lab.services import pages

if TYPE_CHECKING:
    from lab.services.pages import Tool

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Without any of these Python would take a browser that fills the terminal."""


def open_(
    tool: Annotated[
        str,
        typer.Argument(
            help=f"One of: {', '.join((pages.BOOKINFO, *pages.TOOLS))}; or a Service: order, or order.shop with its "
            "namespace."
        ),
    ],
    stack: StackName = "dev",
    *,
    browser: Annotated[bool, typer.Option(help="Open it in the browser too, not only print its address.")] = True,
) -> None:
    """Open the page of a tool that observes the mesh, of Bookinfo or of a Service, until Ctrl-C.

    The page is at its public address if it has one that answers, else at an address of this machine.

    For example: `lab open kiali`, `lab open bookinfo`, or `lab open order.shop`.
    """
    target = Stack(stack)
    if address := pages.public_page(tool, target):
        _present(address, pages.find(tool, target), browser=browser)
        return
    wanted = pages.require_page(tool, target)
    if host := pages.public_host(wanted, target):
        with Progress() as progress, progress.step(f"asking {host} for {wanted.title}"):
            reached = port_forward.answers(host, wanted.port, wanted.path)
        if reached:
            _present(pages.public_url(wanted, host), wanted, browser=browser)
            return
        say(
            f"{host} does not answer this machine: it lets in istio-lab:observability.sourceRanges only. "
            "Going through the API server instead."
        )
    with contextlib.suppress(KeyboardInterrupt), termination_as_interrupt():
        _forward(wanted, target, browser=browser)


def password(
    tool: Annotated[str, typer.Argument(help=f"One of: {', '.join(pages.LOGINS)}.")], stack: StackName = "dev"
) -> None:
    """Print a tool's credentials: Grafana's user and password, or a token for Kiali that lasts an hour."""
    login = pages.login(tool, Stack(stack))
    if login.secret:
        console.print(login.secret, markup=False, highlight=False, soft_wrap=True)
    if login.note:
        errors.print(login.note, highlight=False)


def queries(
    name: Annotated[str, typer.Argument(help="Print only the PromQL of this query, to be copied.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the course's Prometheus queries and the meaning of their results."""
    from lab.services import queries as course

    chosen = (course.named(name),) if name else course.load()
    if as_json:
        print_json([asdict(query) for query in chosen])
    elif name:
        typer.echo(chosen[0].query)
    else:
        table = Table(
            Column("name", no_wrap=True), Column("what it shows, and the query", overflow="fold"), show_lines=True
        )
        for query in chosen:
            table.add_row(query.name, styled("{}. {}\n[cyan]{}[/]", query.title, query.meaning, query.query))
        console.print(table)


def _forward(wanted: Tool, stack: Stack, *, browser: bool) -> None:
    with port_forward.Forward(pages.destination(wanted, stack), say) as forward:
        with Progress() as progress, progress.step(f"waiting for {wanted.title} to answer", usual=3):
            forward.wait()
        _present(forward.address, wanted, browser=browser)
        console.print("It stays there until you press Ctrl-C.")
        forward.hold()


def _present(address: str, wanted: Tool, *, browser: bool) -> None:
    say(f"{wanted.title}: {address}")
    if browser and (sys.platform == "darwin" or any(os.environ.get(name) for name in _SCREENS)):
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(address)
