"""The command line: `python -m benchmarks [notes|apps|mesh|class]`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import apps, classroom, comparison, mesh
from lab.adapters.stack import Stack
from lab.cli.console import console, errors, styled
from lab.core.errors import LabError


class Subject(StrEnum):
    """What can be measured."""

    NOTES = "notes"
    APPS = "apps"
    MESH = "mesh"
    CLASS = "class"


def bench(
    subject: Annotated[
        Subject,
        typer.Argument(
            help="`notes`: this stack against the course's own commands. `apps`: order and delivery. "
            "`mesh`: the data plane of a lab that is up. `class`: twelve students on one cluster."
        ),
    ] = Subject.NOTES,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    json_file: Annotated[Path, typer.Option("--json", help="File for every sample.")] = Path("bench.json"),
    stack: Annotated[
        str, typer.Option("--stack", "-s", envvar="STACK", help="Pulumi stack to use, for `mesh`.")
    ] = "dev",
) -> None:
    """Measure on this machine, print a table and write every sample to a file."""
    match subject:
        case Subject.NOTES:
            comparison.run(rounds, console, json_file)
        case Subject.APPS:
            apps.run(rounds, console, json_file)
        case Subject.MESH:
            mesh.run(Stack(stack), rounds, console, json_file)
        case Subject.CLASS:
            classroom.run(rounds, console, json_file)


if __name__ == "__main__":
    try:
        typer.run(bench)
    except LabError as error:
        errors.print(styled("[bold red]error:[/] {}", error.message), soft_wrap=True)
        if error.remedy:
            errors.print(styled("[bold]do:[/] {}", error.remedy), soft_wrap=True)
        sys.exit(1)
