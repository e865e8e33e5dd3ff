"""`lab check`: is the lesson solved? By what really happens, not by what the settings say."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.services.grading.finding import Finding

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
    """Check by live evidence whether a lesson is solved: what was expected, what was found, what to look at.

    A check sends at most 1,000 requests from the Pod `siege` of `tutorial`, or of `shop` for those on strategies, and
    4,000 more where chance may have had a hand in it. It ends with 0 when every lesson that was named is solved, else
    with 1. Each lesson of `lab lesson list` that has something to solve has one, called like it, without its number.
    `strategies.recreate` and `strategies.ramped` replace all Pods of delivery, to see what is lost:

    `lab check traffic.timeout`; `lab check 'traffic.*'`; `lab check strategies.canary --json`
    """
    target = Stack(stack)
    checks = _checks(target)
    chosen = [name for name in checks if any(fnmatchcase(name, each) for each in names)]
    if unknown := [each for each in names if not any(fnmatchcase(name, each) for name in checks)]:
        raise LabError(f'lab check: found "{unknown[0]}"', f"allowed: {', '.join(checks)}, or a pattern of them")
    if not target.kubeconfig.is_file():
        raise LabError(f"stack {stack} does not stand", f"make up{target.suffix}")
    found: list[Finding] = []
    for name in chosen:
        with Progress() as progress, progress.step(f"checking {name}", usual=5):
            found.append(checks[name]())
        if not as_json:
            _print(found[-1])
    if as_json:
        console.print_json(json.dumps([asdict(each) for each in found]))
    sys.exit(0 if all(each.passed for each in found) else 1)


def _checks(stack: Stack) -> Mapping[str, Callable[[], Finding]]:
    """All checks by name, each ready to be made on a stack."""
    from lab.services.grading import strategies, traffic
    from lab.services.grading.probe import Probe
    from lab.services.grading.rollout_inspector import RolloutInspector

    probe, inspector = Probe(stack=stack), RolloutInspector(stack=stack)
    return {
        **{name: partial(check, name, probe) for name, check in traffic.CHECKS.items()},
        **{name: partial(check, name, inspector) for name, check in strategies.CHECKS.items()},
    }


def _print(finding: Finding) -> None:
    verdict = "[green]solved[/]    " if finding.passed else "[red]not solved[/]"
    console.print(f"{verdict} [bold]{finding.name}[/]", highlight=False)
    console.print(f"  expected  {escape(finding.expected)}", highlight=False, soft_wrap=True)
    console.print(f"  found     {escape(finding.found)}", highlight=False, soft_wrap=True)
    if not finding.passed:
        console.print(f"  hint      {escape(finding.hint)}", highlight=False, soft_wrap=True)
