"""The `lab` command line: its commands, and the one handler of errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.markup import escape

from lab.adapters import files
from lab.cli import class_ as classroom
from lab.cli import image, lesson, pipeline, rollout
from lab.cli.audit import audit
from lab.cli.azure import start, status, stop
from lab.cli.check import check
from lab.cli.console import errors
from lab.cli.cost import cost
from lab.cli.curl import PASSED_ON, curl
from lab.cli.doctor import doctor
from lab.cli.drift import drift
from lab.cli.lifecycle import clean, down, preview, recover, setup, up
from lab.cli.load import load
from lab.cli.open import open_, password, queries
from lab.cli.tools import inject, lock, prune, settings
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    help="Create, inspect and destroy the Istio course lab. Start with `make up`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
_COMMANDS: tuple[Callable[..., None], ...] = (
    *(setup, up, preview, down, recover, doctor, audit),
    *(check, drift, load, inject, password, queries),
    *(cost, start, stop, status, clean, prune, lock, settings),
)
for _command in _COMMANDS:
    app.command()(_command)
app.command("open")(open_)
app.command(context_settings=PASSED_ON)(curl)
for _name, _group in {
    "lesson": lesson.app,
    "rollout": rollout.app,
    "image": image.app,
    "class": classroom.app,
    "pipeline": pipeline.app,
}.items():
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command line; print an error that the user can act on as a message, never as a stack trace."""
    files.be_private()
    try:
        app()
    except LabError as error:
        _refuse(error)
    except OSError as error:
        if (known := files.refusal(error)) is None:
            raise
        _refuse(known)
    except KeyboardInterrupt:
        errors.print("interrupted; nothing half-made is left: run the same command again")
        sys.exit(130)


def _refuse(error: LabError) -> NoReturn:
    errors.print(f"[bold red]error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
    if error.remedy:
        errors.print(f"[bold]do:[/] {escape(error.remedy)}", highlight=False, soft_wrap=True)
    sys.exit(1)
