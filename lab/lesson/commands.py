"""`lab lesson list | show | apply`: the exercises of the course, one change of the stack each."""

from __future__ import annotations

import difflib
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape

from lab.errors import LabError
from lab.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.lesson.lessons import Lesson

app = typer.Typer(
    help="""The course's traffic exercises: each is a state of the stack's settings, one `apply` away.

    `lab lesson list` names them, `lab lesson show 05` says what is to be seen and tried, `lab lesson apply 05` shows
    what would change, changes it, and runs `up`. Going back is the same: `lab lesson apply 00`.
    """,
    no_args_is_help=True,
)
console = Console()

_COLOURS = {"+": "green", "-": "red"}

StackName = Annotated[
    str,
    typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
]
Name = Annotated[str, typer.Argument(help="Its name, its number, or a word of its name: 05.")]


@app.command("list")
def list_(stack: StackName = "dev") -> None:
    """Name every lesson, and the one that the stack's settings are at.

    For example: `lab lesson list --stack dev`. The star is before the one that the stack is in; without a star the
    settings are one's own.
    """
    from lab.lesson import lessons

    here = lessons.at(_traffic(Stack(stack)))
    for each in lessons.every():
        mark = "*" if each is here else " "
        console.print(f"{mark} {each.name:<20} {each.title}", highlight=False, soft_wrap=True)
    if here is None:
        console.print(f"stack {stack} has settings of its own, which are no lesson's", highlight=False)


@app.command()
def show(name: Name, stack: StackName = "dev") -> None:
    """Say what is to be seen in a lesson, what to try, its settings, and what would change. Nothing is changed.

    For example: `lab lesson show 05`, or by a word of its name: `lab lesson show timeout`.
    """
    from lab.lesson import lessons, stack_file

    lesson, chosen = lessons.find(name), Stack(stack)
    before = _traffic(chosen)
    console.print(f"[bold]{lesson.name}[/]  {lesson.title}", highlight=False)
    _describe(lesson, chosen)
    console.print("Settings")
    told = stack_file.block(lesson.traffic) or f"  no {stack_file.KEY} at all\n"
    console.print(escape(told), end="", highlight=False, soft_wrap=True)
    console.print("Change")
    if _show_difference(before, lesson):
        console.print(f"To make it so: lab lesson apply {lesson.name}{chosen.option}", highlight=False, soft_wrap=True)


@app.command()
def apply(
    name: Name,
    stack: StackName = "dev",
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before anything is changed.")] = False,
) -> None:
    """Bring the stack into the state of a lesson: change its settings of traffic, and no others, then run `up`.

    What would change is shown first, and asked about unless `--yes`. Settings that would be wrong are refused before
    anything is written. The way back is a lesson too.

    For example: `lab lesson apply 01`, then `lab lesson apply 02`, and in the end `lab lesson apply 00`.
    """
    from lab import cli
    from lab.lesson import lessons, stack_file
    from lab.settings import Settings

    lesson, chosen = lessons.find(name), Stack(stack)
    before = _traffic(chosen)
    # As bytes: reading as text would make other line ends of those that the file has.
    text = chosen.file.read_bytes().decode() if chosen.file.is_file() else ""
    changed = stack_file.replaced(text, lesson.traffic)
    Settings.from_mapping({**chosen.config(), "traffic": lesson.traffic}, source=chosen.file.name)
    if _show_difference(before, lesson):
        _require_consent(yes=yes)
        chosen.file.write_bytes(changed.encode())
    try:
        cli.up(stack)
    except LabError as error:
        former = lessons.at(before)
        back = f"lab lesson apply {former.name}{chosen.option}" if former else f"the former lines of {chosen.file.name}"
        raise LabError(error.message, f"{error.remedy or 'see above'}; the way back is: {back}") from error
    console.print(f"\nThe lesson [bold]{lesson.name}[/]: {lesson.title}", highlight=False)
    _describe(lesson, chosen)
    following = lessons.after(lesson)
    console.print(f"Next  lab lesson apply {following.name}{chosen.option}", highlight=False, soft_wrap=True)


def _traffic(stack: Stack) -> Mapping[str, object]:
    """What the stack's file has at present, unchecked: a lesson is also a way out of wrong settings.

    Raises:
        LabError: it cannot even be read.
    """
    try:
        found = stack.config().get("traffic") or {}
    except (yaml.YAMLError, AttributeError) as failure:  # no YAML, or lists and numbers where keys should be
        raise LabError(f"{stack.file.name} is not a stack's file: {failure}", "put it right by hand") from failure
    if isinstance(found, str):  # as `pulumi config set` without --path writes an object
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if not isinstance(found, dict):
        raise LabError(
            f"istio-lab:traffic in {stack.file.name} is no mapping", "write it as keys and values, as in README.md"
        )
    return found


def _describe(lesson: Lesson, stack: Stack) -> None:
    console.print(f"See  {lesson.see}", highlight=False, soft_wrap=True)
    console.print("Try")
    for command in lesson.commands:
        # Right behind the command's name: what follows is curl's own.
        told = re.sub(r"^lab \w+", lambda found: found[0] + stack.option, command)
        console.print(f"  {escape(told)}", highlight=False, soft_wrap=True)


def _show_difference(before: Mapping[str, object], lesson: Lesson) -> bool:
    """Print what would change in the stack's file; whether anything would."""
    from lab.lesson import stack_file

    if lesson.fits(before):
        console.print("The stack's settings are those of this lesson.")
        return False
    old, new = (stack_file.block(each).splitlines() for each in (before, lesson.traffic))
    for line in list(difflib.unified_diff(old, new, "settings now", lesson.name, lineterm="", n=99)):
        colour = _COLOURS.get(line[:1], "default")
        console.print(f"[{colour}]{escape(line)}[/]", highlight=False, soft_wrap=True)
    return True


def _require_consent(*, yes: bool) -> None:
    if yes:
        return
    if not _somebody_is_there():
        raise LabError("lab lesson apply asks before it changes anything, and nobody is there", "add --yes")
    typer.confirm("Change this?", default=True, abort=True)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()
