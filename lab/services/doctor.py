"""What is there and what is missing, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from lab import toolchain
from lab.core import paths, versions
from lab.platforms import kubeconfig
from lab.settings import Settings, Target
from lab.toolchain import artifacts, dashboards

if TYPE_CHECKING:
    from rich.console import Console

    from lab.adapters.stack import Stack

_METRICS_SERVER = (
    f"https://github.com/kubernetes-sigs/metrics-server/releases/download/v{versions.METRICS_SERVER}/components.yaml"
)


def show(console: Console) -> bool:
    """Print every tool and artifact with its version and origin, then each fault with its remedy.

    Returns:
        Whether a lab could be made to stand with what is there.
    """
    tools, files, extras = toolchain.report(), artifacts.report(), dashboards.report()
    table = Table(
        "name", "pinned", "found", "where it came from", title=f"cache: {paths.cache()}", title_justify="left"
    )
    for tool in tools:
        table.add_row(tool.name, tool.version, tool.found or "-", tool.origin)
    for file in (*files, *extras):
        table.add_row(file.name, file.version, file.version if file.path else "-", file.origin)
    console.print(table)
    for tool in tools:
        if tool.elsewhere:
            console.print(f"not used: {tool.name} {tool.elsewhere}", highlight=False)
    remedies = [(tool.name, tool.remedy) for tool in tools if tool.remedy]
    remedies += [(file.name, file.remedy) for file in files if file.remedy]
    for extra in extras:
        if extra.remedy:
            console.print(
                f"[bold yellow]missing:[/] {extra.name}; the lab stands without: {extra.remedy}", highlight=False
            )
    damaged = toolchain.verify() + artifacts.verify()
    for name, remedy in remedies:
        console.print(f"[bold red]missing:[/] {name}: {remedy}", highlight=False)
    for sentence in damaged:
        console.print(f"[bold red]damaged:[/] {sentence}", highlight=False)
    return not remedies and not damaged


def show_metrics(stack: Stack, target: str, console: Console) -> None:
    """Say what `kubectl top` answers, where that is not what the nodes measure. Everything else works without it.

    Args:
        stack: whose cluster is meant.
        target: where it stands.
        console: where to print.

    Raises:
        LabError: the cluster of the kubeconfig target is not there, or does not answer.
    """
    if target == Target.EMBEDDED:
        console.print("kubectl top: its figures are simulated, a share of what each container requests")
    elif target == Target.KUBECONFIG:
        chosen = Settings.from_mapping({**stack.config(), "target": target}, source=stack.file.name).kubeconfig
        if not kubeconfig.answers_top(kubeconfig.read(chosen.file, chosen.context)):
            console.print(
                "[bold yellow]missing:[/] the metrics API, so `kubectl top` does not answer; the lab stands without: "
                f"kubectl --context {chosen.context} apply -f {_METRICS_SERVER}",
                highlight=False,
                soft_wrap=True,
            )
