"""`lab lesson list | show | apply | undo`: exercises of the course, each one change of the stack."""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab.adapters.stack import Stack
from lab.cli.console import console, say, styled
from lab.cli.options import StackName, Yes  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.services.lessons.lessons import Configured, Lesson

app = typer.Typer(
    help="""The course's exercises: each is a state of the stack's settings, one `apply` away.

    `lab lesson list` lists them, `lab lesson show 05` explains one, `lab lesson apply 05` shows what would change,
    changes it, and runs `up`. To go back, apply `00` for the mesh's rules, or `20` for deployment strategies;
    `lab lesson undo` gives back objects of your own that a lesson took over.
    """,
    no_args_is_help=True,
)
_COLOURS = {"+": "green", "-": "red"}

_COMMAND = re.compile(r"^lab (?:rollout [\w-]+|\w+)")
"""The command that --stack is inserted after; `rollout` is a group."""

Name = Annotated[str, typer.Argument(help="Name, number, or a part of the name: 05.")]


@app.command("list")
def list_(stack: StackName = "dev") -> None:
    """List all lessons, with a star before those that match the stack's settings.

    For example: `lab lesson list --stack dev`. Lessons with the same settings have a star each; without a star the
    settings of that subject are your own.
    """
    from lab.services.lessons import lessons

    chosen = Stack(stack)
    present = {subject: lessons.present(chosen, subject) for subject in lessons.Subject}
    for subject, found in present.items():
        say(styled("[bold]{}[/]", subject))
        here = [each for each in lessons.every(subject) if each.fits(found)]
        for each in lessons.every(subject):
            mark = "*" if each in here else " "
            say(f"{mark} {each.name:<23} {each.title}")
        if not here:
            say(f"for {subject} stack {stack} has settings of its own, which are no lesson's")


@app.command()
def show(name: Name, stack: StackName = "dev") -> None:
    """Show what a lesson is about, what to try, its settings, and what would change. Nothing is changed.

    For example: `lab lesson show 05`, or by a word of its name: `lab lesson show timeout`.
    """
    from lab.services.lessons import lessons, stack_file

    lesson, chosen = lessons.find(name), Stack(stack)
    before = lessons.present(chosen, lesson.subject)
    say(styled("[bold]{}[/]  {}", lesson.name, lesson.title))
    _describe(lesson, chosen)
    console.print("Settings")
    for key, value in lesson.onto(before).items():
        say(stack_file.block(key, value).rstrip("\n") or f"  no {stack_file.full(key)} at all")
    console.print("Change")
    if _show_difference(before, lesson):
        say(f"To make it so: lab lesson apply {lesson.name}{chosen.option}")


TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Take objects of somebody else out of the way; `undo` gives them back.")
]
Leave = Annotated[bool, typer.Option("--leave", help="Leave objects of somebody else as they are.")]


@app.command()
def apply(
    name: Name, stack: StackName = "dev", *, yes: Yes = False, take_over: TakeOver = False, leave: Leave = False
) -> None:
    """Bring the stack into the state of a lesson: change the settings of its subject, and no others, then run `up`.

    Those are `traffic` for the lessons from 00, and `rollouts` for those from 20. Changes are shown first, and must be
    confirmed unless `--yes`. Invalid settings are refused before anything is written. The way back is a lesson too.

    Objects of your own that the lesson would meet, by their name or by the requests that they decide about, are named.
    Choose to take them over, with a copy that `lab lesson undo` gives back, or to leave them. Without a choice nothing
    is changed.

    For example: `lab lesson apply 01`, then `lab lesson apply 02`, and in the end `lab lesson apply 00`.
    """
    from lab.cli import lifecycle, meeting
    from lab.services.lessons import claims, foreign, lessons
    from lab.settings import Settings

    choice = meeting.choice(take_over=take_over, leave=leave)
    lesson, chosen = lessons.find(name), Stack(stack)
    before = lessons.present(chosen, lesson.subject)
    wanted = lesson.onto(before)
    changed = _file_with(chosen, wanted)
    settings = Settings.from_mapping({**chosen.config(), **wanted}, source=chosen.file.name, stack=chosen.name)
    differs = _show_difference(before, lesson)
    # A student's share of a cluster has other namespaces than the lessons.
    met = () if settings.shares else foreign.met(chosen, claims.of(lesson, wanted))
    choice = meeting.settle(lesson, chosen, met, choice, yes=yes)
    if differs:
        _require_consent(yes=yes)
    taken = met if choice is meeting.Choice.TAKE_OVER else ()
    if taken:
        meeting.take_over(lesson, chosen, before, taken)
    if differs:
        chosen.file.write_bytes(changed.encode())
    try:
        lifecycle.up(stack)
    except LabError as error:
        former = lessons.at(lesson.subject, before)
        back = f"lab lesson apply {former.name}{chosen.option}" if former else f"the former lines of {chosen.file.name}"
        back = f"lab lesson undo{chosen.option}" if taken else back
        raise LabError(error.message, f"{error.remedy or 'see above'}; the way back is: {back}") from error
    say(styled("\nThe lesson [bold]{}[/]: {}", lesson.name, lesson.title))
    _describe(lesson, chosen)
    meeting.remind(lesson, chosen, () if taken else met)
    following = lessons.after(lesson)
    say(f"Next  lab lesson apply {following.name}{chosen.option}")


@app.command()
def undo(stack: StackName = "dev", *, yes: Yes = False) -> None:
    """Give back the objects that lessons took over, and the settings of before, and run `up`.

    For example: `lab lesson apply 01 --take-over`, and later `lab lesson undo`.
    """
    from lab.cli import lifecycle
    from lab.services.lessons import kept, lessons, stack_file

    chosen = Stack(stack)
    subjects = [each for each in lessons.Subject if kept.objects(chosen, each)]
    if not subjects:
        say(f"No lesson has taken anything over in stack {stack}: there is nothing to give back.")
        return
    before = {key: value for each in subjects for key, value in kept.settings(chosen, each).items()}
    copies = [str(file) for each in subjects for file in kept.objects(chosen, each)]
    say(f"Given back: {', '.join(copies)}")
    for key, value in before.items():
        say(stack_file.block(key, value).rstrip("\n") or f"  no {stack_file.full(key)} at all")
    _require_consent(yes=yes)
    chosen.file.write_bytes(_file_with(chosen, before).encode())
    lifecycle.up(stack)
    for subject in subjects:
        for file in kept.give_back(chosen, subject):
            say(f"given back: {file.stem}")


def _file_with(stack: Stack, values: Configured) -> str:
    """The stack's file with these settings, not written."""
    from lab.services.lessons import stack_file

    # As bytes: reading as text would make other line ends of those that the file has.
    changed = stack.file.read_bytes().decode() if stack.file.is_file() else ""
    for key, value in values.items():
        changed = stack_file.replaced(changed, key, value)
    return changed


def _describe(lesson: Lesson, stack: Stack) -> None:
    say(f"See  {lesson.see}")
    console.print("Try")
    for command in lesson.commands:
        # Options that follow the command's arguments may be curl's own.
        say(f"  {_COMMAND.sub(lambda found: found[0] + stack.option, command)}")


def _show_difference(before: Configured, lesson: Lesson) -> bool:
    """Print what would change in the stack's file; True if anything would."""
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
        say(styled(f"[{colour}]{{}}[/]", line))
    return True


def _require_consent(*, yes: bool) -> None:
    if yes:
        return
    if not _is_interactive():
        raise LabError("lab lesson asks for confirmation, and standard input is no terminal", "add --yes")
    typer.confirm("Change this?", default=True, abort=True)


def _is_interactive() -> bool:
    return sys.stdin.isatty()
