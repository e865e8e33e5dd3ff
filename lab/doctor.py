"""What is there and what is missing, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from lab import artifacts, paths, toolchain

if TYPE_CHECKING:
    from rich.console import Console


def show(console: Console) -> bool:
    """Print every tool and artifact with its version and origin, then each fault with its remedy.

    Returns:
        Whether a lab could be made to stand with what is there.
    """
    tools, files = toolchain.report(), artifacts.report()
    table = Table(
        "name", "pinned", "found", "where it came from", title=f"cache: {paths.cache()}", title_justify="left"
    )
    for tool in tools:
        table.add_row(tool.name, tool.version, tool.found or "-", tool.origin)
    for file in files:
        table.add_row(file.name, file.version, file.version if file.path else "-", file.origin)
    console.print(table)
    for tool in tools:
        if tool.elsewhere:
            console.print(f"not used: {tool.name} {tool.elsewhere}", highlight=False)
    remedies = [(tool.name, tool.remedy) for tool in tools if tool.remedy]
    remedies += [(file.name, file.remedy) for file in files if file.remedy]
    damaged = toolchain.verify() + artifacts.verify()
    for name, remedy in remedies:
        console.print(f"[bold red]missing:[/] {name}: {remedy}", highlight=False)
    for sentence in damaged:
        console.print(f"[bold red]damaged:[/] {sentence}", highlight=False)
    return not remedies and not damaged
