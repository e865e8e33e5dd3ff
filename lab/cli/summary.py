"""The summary at the end of `lab up`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from lab.cli.console import styled
from lab.platforms.dataplane import lifecycle
from lab.services import pages
from lab.services.standing import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lab.adapters.stack import Stack
    from lab.core.progress import Progress
    from lab.services.standing.verdict import Problem


def show(stack: Stack, console: Console, progress: Progress) -> None:
    """Print the summary of a lab that is up, or what keeps it from standing.

    Raises:
        typer.Exit: the lab does not stand.
    """
    found = verdict.reach(stack, progress)
    if found.problems:
        console.print(styled("\n[bold red]The lab does not stand[/] (stack {}).", stack.name))
        _show_problems((*found.problems, *found.notes), console)
        raise typer.Exit(1)
    console.print(styled("\n[bold green]The lab stands[/] (stack {}).", stack.name))
    _show_problems(found.notes, console)
    outputs = stack.outputs()
    # The cluster of a share, with its credentials and its tools, is another stack's.
    shares = stack.target == "shared"
    if not shares:
        for namespace, (ready, total) in sorted(found.pods.items()):
            console.print(f"  {namespace:<16} {ready} of {total} Pods ready")
    console.print("Addresses")
    for name, value in outputs.items():
        if value.startswith("http"):
            console.print(f"  {name:<16} {value}")
    if stack.target == "embedded":
        _show_data_plane(stack, console)
    if shares:
        console.print(f"  {outputs.get('bookinfoCommand', '')}", highlight=False, soft_wrap=True)
    else:
        _show_tools(stack, console)
        console.print("Look around")
        console.print("  source .lab/activate", highlight=False)
        path = shlex.quote(str(stack.kubeconfig))
        console.print(f"  export KUBECONFIG={path}", highlight=False, markup=False, emoji=False, soft_wrap=True)
        console.print("  kubectl get pods -A", highlight=False)
        console.print("  istioctl analyze -A", highlight=False)
    console.print("Take it down")
    console.print(f"  make down{stack.suffix}", highlight=False)


def _show_problems(problems: Sequence[Problem], console: Console) -> None:
    for each in problems:
        console.print(f"  {each.what}", highlight=False, markup=False, soft_wrap=True)
        if each.remedy:
            console.print(f"    {each.remedy}", highlight=False, markup=False, soft_wrap=True)


def _show_data_plane(stack: Stack, console: Console) -> None:
    """Print which of the simulated Pods really run, or why none does."""
    if why := lifecycle.unavailable():
        console.print(f"  Pods are simulated, and none really runs, so no page is served: {why}.", soft_wrap=True)
        return
    console.print(
        "  Pods are simulated, but those of Bookinfo, the shop and the ingress gateway really run: "
        f"lab curl{stack.option} http://order:8080/orders",
        highlight=False,
        soft_wrap=True,
    )


def _show_tools(stack: Stack, console: Console) -> None:
    """Print the commands that open the tools' pages, or that there are none."""
    tools = pages.switched_on(stack)
    if not tools:
        return
    console.print("Tools")
    if not pages.runs_containers(stack):
        titles = ", ".join(tool.title for tool in tools.values())
        console.print(f"  {titles}: their Pods are simulated, no page is served.", highlight=False, soft_wrap=True)
        return
    names = " | ".join((pages.BOOKINFO, *tools))
    console.print(f"  lab open{stack.option} {names}", highlight=False, soft_wrap=True)
    if "grafana" in tools:
        console.print(f"  lab password{stack.option} grafana", highlight=False)
