"""`lab setup`, `up`, `preview`, `down`, `recover` and `clean`."""

from __future__ import annotations

from typing import Annotated

import typer

from lab import toolchain
from lab.adapters import backend
from lab.adapters.stack import Stack
from lab.cli import summary
from lab.cli.board import Progress
from lab.cli.console import console
from lab.cli.options import AllowReplace, StackName  # noqa: TC001 - Typer reads the types at run time
from lab.core import paths
from lab.platforms.embedded import remains
from lab.services import cleaning, lifecycle
from lab.services.lifecycle import TerminalEngine


def setup(
    *,
    tests: Annotated[bool, typer.Option("--tests", help="Bring the tools of tests and benchmarks too.")] = False,
) -> None:
    """Bring every tool, chart and manifest, and make the project's working folder.

    `up` does this by itself, but for the tools that come when they are first asked for, such as istioctl.
    """
    progress = Progress()
    lifecycle.prepare(progress, *toolchain.ON_DEMAND, *(toolchain.TESTS if tests else ()), look_again=not tests)
    if tests:
        lifecycle.prepare_optional(progress)


def up(stack: StackName = "dev", *, allow_replace: AllowReplace = False) -> None:
    """Create or repair the lab, then print its addresses."""
    target, progress = Stack(stack), Progress()
    lifecycle.prepare(progress, *lifecycle.tools_for(target))
    lifecycle.up(target, TerminalEngine(), progress, allow_replace=allow_replace)
    summary.show(target, console, progress)


def preview(stack: StackName = "dev") -> None:
    """Show what `up` would do, and change nothing."""
    progress = Progress()
    lifecycle.prepare(progress)
    lifecycle.preview(Stack(stack), TerminalEngine(), progress)


def down(stack: StackName = "dev") -> None:
    """Destroy the lab: every resource, process, port and file. The tools stay in the cache."""
    target = Stack(stack)
    if not lifecycle.down(target, TerminalEngine(), Progress()):
        where = f"There is no stack {stack} in {backend.described()}, so only this machine was cleared of it."
        console.print(where, highlight=False, markup=False, soft_wrap=True)
        console.print(f"If it is kept elsewhere, name its backend: {backend.VARIABLE}", highlight=False)
        _name_strangers(target)
        return
    console.print(f"Stack {stack} is taken down. Bring it up again with: make up{target.suffix}")
    console.print(f"Make sure that nothing is left with: lab audit{target.option}", highlight=False)
    _name_strangers(target)


def _name_strangers(stack: Stack) -> None:
    """Name processes in the stack's folder that the lab has not started, such as a shell: they were left alone."""
    if strangers := remains.find(stack.directory):
        console.print("Not the lab's own, so left alone, though in its folder:")
        for each in strangers:
            console.print(f"  {each}", highlight=False, markup=False, emoji=False, soft_wrap=True)


def recover(stack: StackName = "dev") -> None:
    """Repair a lab: a killed `up` or `down`, dead processes, a locked stack, a state that is broken or lost."""
    target, progress = Stack(stack), Progress()
    lifecycle.prepare(progress, *lifecycle.tools_for(target))
    lifecycle.recover(target, TerminalEngine(), progress)
    summary.show(target, console, progress)


def clean(
    *,
    cache: Annotated[bool, typer.Option(help="Delete the cache of tools too; the next `up` refills it.")] = False,
) -> None:
    """Take down every lab of this project on this machine, and delete its working folder.

    States in another backend are left as they are, and so is what stands in a cluster elsewhere.
    """
    elsewhere = cleaning.clean(cache=cache)
    console.print("Clean.")
    for name in elsewhere:
        said = f"The state of stack {name} was not in {paths.state_dir()} and is as it was; where it is, take it down:"
        console.print(f"{said} pulumi destroy --stack {name}", highlight=False, markup=False, soft_wrap=True)
