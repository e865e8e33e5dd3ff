"""`lab check`: grade lessons by live evidence."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import print_json, say, styled
from lab.cli.options import Json, StackName  # noqa: TC001 - Typer looks at the types when it runs

if TYPE_CHECKING:
    from lab.services.grading.evaluation import CheckResult


def check(
    names: Annotated[list[str], typer.Argument(help="Names of checks; * matches anything: 'traffic.*'.")],
    stack: StackName = "dev",
    *,
    as_json: Json = False,
) -> None:
    """Check by live evidence whether a lesson is solved: what was expected, what was found, a hint.

    A check sends at most 1,000 requests from the Pod `siege` of `tutorial`, or of `shop` for those on strategies, and
    4,000 more if chance may have decided. Exits with 0 if every named lesson is solved, else with 1. Each lesson of
    `lab lesson list` with something to solve has a check of its name, without the number. `strategies.recreate` and
    `strategies.ramped` replace all Pods of delivery, to see what is lost:

    `lab check traffic.timeout`; `lab check 'traffic.*'`; `lab check strategies.canary --json`
    """
    from lab.services.grading import checks

    target = Stack(stack)
    chosen = checks.matching(target, names)
    target.require_up()
    results: dict[str, CheckResult] = {}
    for name, run in chosen.items():
        with Progress() as progress, progress.step(f"checking {name}", usual=5):
            results[name] = run()
        if not as_json:
            _print(name, results[name])
            if not results[name].passed:
                _print_foreign(target, name)
    if as_json:
        print_json([{"name": name, **asdict(result)} for name, result in results.items()])
    sys.exit(0 if all(result.passed for result in results.values()) else 1)


def _print(name: str, result: CheckResult) -> None:
    verdict = "[green]solved[/]    " if result.passed else "[red]not solved[/]"
    say(styled(f"{verdict} [bold]{{}}[/]", name))
    say(f"  expected  {result.expected}")
    say(f"  found     {result.found}")
    if not result.passed:
        say(f"  hint      {result.hint}")


def _print_foreign(target: Stack, check: str) -> None:
    """Name the rules of somebody else that may explain the verdict."""
    from lab.services.lessons import claims, foreign, lessons

    lesson = next((each for each in lessons.every() if each.word == check.partition(".")[2]), None)
    if lesson:
        for each in foreign.met(target, claims.of(lesson, lesson.onto({}))):
            say(f"  beside    {each.object.title}: {each.why}")
