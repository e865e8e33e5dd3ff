"""`lab check`: is the lesson solved? By traffic, not by looking at objects."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lab.errors import LabError
from lab.progress import Progress
from lab.stack import Stack

if TYPE_CHECKING:
    from lab.check.traffic import Finding

console = Console()


def check(
    names: Annotated[list[str], typer.Argument(help="Which checks; * stands for anything: 'traffic.*'.")],
    stack: Annotated[
        str,
        typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
    ] = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, for a program.")] = False,
) -> None:
    """Check by live traffic whether a lesson is solved: what was expected, what was found, what to look at.

    A check sends at most 1,000 requests from the Pod `siege` of `tutorial`. It ends with 0 when every lesson that was
    named is solved, else with 1. Each lesson of `lab lesson list` has one, called like it, without its number:

    `lab check traffic.timeout`; `lab check 'traffic.*'`; `lab check traffic.retries --json`
    """
    from lab.check import traffic
    from lab.check.probe import Probe

    chosen = [name for name in traffic.CHECKS if any(fnmatchcase(name, each) for each in names)]
    if unknown := [each for each in names if not any(fnmatchcase(name, each) for name in traffic.CHECKS)]:
        raise LabError(
            f'lab check: found "{unknown[0]}"', f"allowed: {', '.join(traffic.CHECKS)}, or a pattern of them"
        )
    target = Stack(stack)
    if not target.kubeconfig.is_file():
        raise LabError(f"stack {stack} does not stand", f"make up{target.suffix}")
    probe = Probe(stack=target)
    found: list[Finding] = []
    for name in chosen:
        with Progress() as progress, progress.step(f"checking {name}", usual=5):
            found.append(traffic.CHECKS[name](name, probe))
        if not as_json:
            _print(found[-1])
    if as_json:
        console.print_json(json.dumps([asdict(each) for each in found]))
    sys.exit(0 if all(each.passed for each in found) else 1)


def _print(finding: Finding) -> None:
    verdict = "[green]solved[/]    " if finding.passed else "[red]not solved[/]"
    console.print(f"{verdict} [bold]{finding.name}[/]", highlight=False)
    console.print(f"  expected  {escape(finding.expected)}", highlight=False, soft_wrap=True)
    console.print(f"  found     {escape(finding.found)}", highlight=False, soft_wrap=True)
    if not finding.passed:
        console.print(f"  hint      {escape(finding.hint)}", highlight=False, soft_wrap=True)
