"""The terminal that every command prints to."""

from __future__ import annotations

import json

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)


def say(text: str) -> None:
    """Print a line with markup, as long as it is: the terminal wraps it, and a pipe gets it whole."""
    console.print(text, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 change`, `2 changes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
