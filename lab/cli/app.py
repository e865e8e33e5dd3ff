"""The `lab` command line: its commands, and the one handler of errors."""

from __future__ import annotations

import codecs
import io
import locale
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lab.adapters import defects, files
from lab.cli import class_ as classroom
from lab.cli import image, lesson, pipeline, rollout
from lab.cli.audit import audit
from lab.cli.azure import start, status, stop
from lab.cli.check import check
from lab.cli.console import errors, styled
from lab.cli.cost import cost
from lab.cli.curl import PASSED_ON, curl
from lab.cli.doctor import doctor
from lab.cli.drift import drift
from lab.cli.lifecycle import clean, down, preview, recover, setup, up
from lab.cli.load import load
from lab.cli.open import open_, password, queries
from lab.cli.tools import bring, inject, lock, prune, settings
from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Callable

_BROKEN_PIPE = 141
"""As a shell says of a program that SIGPIPE has ended."""

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
app.command(hidden=True)(bring)
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
    """Run the command line; print every error as a message, never as a stack trace."""
    files.be_private()
    _write_whatever_there_is()
    _name_folders_whole()
    try:
        paths.require_names()
        app()
    except KeyboardInterrupt:
        errors.print("interrupted; nothing half-made is left: run the same command again")
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
    except Exception as error:  # noqa: BLE001 - the last one who can tell it to a person
        found = defects.told(error)
        errors.print(styled("[bold red]error:[/] {}", found.message), soft_wrap=True)
        if found.remedy:
            errors.print(styled("[bold]do:[/] {}", found.remedy), soft_wrap=True)
        sys.exit(1)


def _write_whatever_there_is() -> None:
    """Print in the terminal's encoding, and a question mark for characters that it does not know."""
    # Python is told that everything is UTF-8, for the sake of names of files.
    encoding = codecs.lookup(locale.getencoding()).name if sys.flags.utf8_mode else "ascii"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if encoding == "ascii" else encoding, errors="replace")


def _name_folders_whole() -> None:
    """Have the programs that are started find the folders which variables name from wherever they work."""
    for name in ("ISTIO_LAB_HOME", "ISTIO_LAB_CACHE"):
        if given := os.environ.get(name):
            os.environ[name] = str(Path(os.path.expanduser(given)).absolute())  # noqa: PTH111 - never fails
