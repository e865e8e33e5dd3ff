"""The summary at the end of `lab up`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.adapters import kubectl
from lab.platforms.dataplane import lifecycle
from lab.services import pages

if TYPE_CHECKING:
    from rich.console import Console

    from lab.adapters.stack import Stack


def show(stack: Stack, console: Console) -> None:
    """Print the summary of a lab that is up."""
    console.print(f"\n[bold green]The lab stands[/] (stack {stack.name}).")
    outputs = stack.outputs()
    # The cluster of a share, with its credentials and its tools, is another stack's.
    shares = stack.target == "shared"
    if not shares:
        listing = kubectl.run(stack.kubeconfig, "get", "pods", "-A", "-o", "json")
        for namespace, (ready, total) in sorted(kubectl.ready_pods(listing, finished=True).items()):
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
        console.print(f"  export KUBECONFIG={stack.kubeconfig}", highlight=False, soft_wrap=True)
        console.print("  kubectl get pods -A", highlight=False)
        console.print("  istioctl analyze -A", highlight=False)
    console.print("Take it down")
    console.print(f"  make down{stack.suffix}", highlight=False)


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
    console.print(f"  lab open{stack.option} {' | '.join(tools)}", highlight=False, soft_wrap=True)
    if "grafana" in tools:
        console.print(f"  lab password{stack.option} grafana", highlight=False)
