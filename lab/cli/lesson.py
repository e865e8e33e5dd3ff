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

from lab.adapters.stack import Stack
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.services.lessons.lessons import Configured, Lesson, Subject

app = typer.Typer(
    help="""The course's exercises: each is a state of the stack's settings, one `apply` away.

    `lab lesson list` names them, `lab lesson show 05` says what is to be seen and tried, `lab lesson apply 05` shows
    what would change, changes it, and runs `up`. Going back is the same: `lab lesson apply 00` for the mesh's rules,
    `lab lesson apply 20` for the strategies by which versions are replaced.
    """,
    no_args_is_help=True,
)
console = Console()

_COLOURS = {"+": "green", "-": "red"}

_COMMAND = re.compile(r"^lab (?:rollout [\w-]+|\w+)")
"""What the options of a command stand behind; `rollout` is a group of several."""

StackName = Annotated[
    str,
    typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
]
Name = Annotated[str, typer.Argument(help="Its name, its number, or a word of its name: 05.")]


@app.command("list")
def list_(stack: StackName = "dev") -> None:
    """Name every lesson, and those that the stack's settings are at.

    For example: `lab lesson list --stack dev`. The star is before the one that the stack is in, of each subject: two
    that have the same settings have it both, and without a star the settings of that subject are one's own.
    """
    from lab.services.lessons import lessons

    chosen = Stack(stack)
    present = {subject: _present(chosen, subject) for subject in lessons.Subject}
    for subject, found in present.items():
        console.print(f"[bold]{subject}[/]", highlight=False)
        here = [each for each in lessons.every(subject) if each.fits(found)]
        for each in lessons.every(subject):
            mark = "*" if each in here else " "
            console.print(f"{mark} {each.name:<23} {each.title}", highlight=False, soft_wrap=True)
        if not here:
            told = f"for {subject} stack {stack} has settings of its own, which are no lesson's"
            console.print(told, highlight=False, soft_wrap=True)


@app.command()
def show(name: Name, stack: StackName = "dev") -> None:
    """Say what is to be seen in a lesson, what to try, its settings, and what would change. Nothing is changed.

    For example: `lab lesson show 05`, or by a word of its name: `lab lesson show timeout`.
    """
    from lab.services.lessons import lessons, stack_file

    lesson, chosen = lessons.find(name), Stack(stack)
    before = _present(chosen, lesson.subject)
    console.print(f"[bold]{lesson.name}[/]  {lesson.title}", highlight=False, soft_wrap=True)
    _describe(lesson, chosen)
    console.print("Settings")
    for key, value in lesson.onto(before).items():
        told = stack_file.block(key, value) or f"  no {stack_file.full(key)} at all\n"
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
    """Bring the stack into the state of a lesson: change the settings of its subject, and no others, then run `up`.

    Those are `traffic` for the lessons from 00, and `rollouts` for those from 20. What would change is shown first, and
    asked about unless `--yes`. Settings that would be wrong are refused before anything is written. The way back is a
    lesson too.

    For example: `lab lesson apply 01`, then `lab lesson apply 02`, and in the end `lab lesson apply 00`.
    """
    from lab.cli import lifecycle
    from lab.services.lessons import lessons, stack_file
    from lab.settings import Settings

    lesson, chosen = lessons.find(name), Stack(stack)
    before = _present(chosen, lesson.subject)
    wanted = lesson.onto(before)
    # As bytes: reading as text would make other line ends of those that the file has.
    changed = chosen.file.read_bytes().decode() if chosen.file.is_file() else ""
    for key, value in wanted.items():
        changed = stack_file.replaced(changed, key, value)
    Settings.from_mapping({**chosen.config(), **wanted}, source=chosen.file.name)
    if _show_difference(before, lesson):
        _require_consent(yes=yes)
        chosen.file.write_bytes(changed.encode())
    try:
        lifecycle.up(stack)
    except LabError as error:
        former = lessons.at(lesson.subject, before)
        back = f"lab lesson apply {former.name}{chosen.option}" if former else f"the former lines of {chosen.file.name}"
        raise LabError(error.message, f"{error.remedy or 'see above'}; the way back is: {back}") from error
    console.print(f"\nThe lesson [bold]{lesson.name}[/]: {lesson.title}", highlight=False, soft_wrap=True)
    _describe(lesson, chosen)
    following = lessons.after(lesson)
    console.print(f"Next  lab lesson apply {following.name}{chosen.option}", highlight=False, soft_wrap=True)


def _present(stack: Stack, subject: Subject) -> Configured:
    """What the stack's file has of a subject at present, unchecked: a lesson is also a way out of wrong settings.

    Raises:
        LabError: it cannot even be read.
    """
    from lab.services.lessons import lessons, stack_file

    try:
        config = stack.config()
        found = {key: config.get(key) or {} for key in lessons.KEYS[subject]}
    except (yaml.YAMLError, AttributeError) as failure:  # no YAML, or lists and numbers where keys should be
        raise LabError(f"{stack.file.name} is not a stack's file: {failure}", "put it right by hand") from failure
    understood: dict[str, dict[str, object]] = {}
    for key, given in found.items():
        value = given
        if isinstance(value, str):  # as `pulumi config set` without --path writes an object
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, dict):
            raise LabError(
                f"{stack_file.full(key)} in {stack.file.name} is no mapping",
                "write it as keys and values, as in README.md",
            )
        understood[key] = value
    return understood


def _describe(lesson: Lesson, stack: Stack) -> None:
    console.print(f"See  {lesson.see}", highlight=False, soft_wrap=True)
    console.print("Try")
    for command in lesson.commands:
        # Right behind the command's name: what follows may be curl's own.
        told = _COMMAND.sub(lambda found: found[0] + stack.option, command)
        console.print(f"  {escape(told)}", highlight=False, soft_wrap=True)


def _show_difference(before: Configured, lesson: Lesson) -> bool:
    """Print what would change in the stack's file; whether anything would."""
    from lab.services.lessons import stack_file

    if lesson.fits(before):
        console.print("The stack's settings are those of this lesson.")
        return False
    old, new = (
        "".join(stack_file.block(key, value) for key, value in each.items()).splitlines()
        for each in (before, lesson.onto(before))
    )
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
