"""The question what a lesson does about a student's own objects."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from lab.cli.console import counted, say, styled
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.adapters.stack import Stack
    from lab.services.lessons.foreign import Met
    from lab.services.lessons.lessons import Configured, Lesson


class Choice(StrEnum):
    """The ways to deal with objects that a lesson meets."""

    TAKE_OVER = "take-over"
    LEAVE = "leave"
    ASK = "ask"


def choice(*, take_over: bool, leave: bool) -> Choice:
    """The choice that was made by options.

    Raises:
        LabError: both were.
    """
    if take_over and leave:
        raise LabError("found --take-over and --leave", "choose one of them")
    return Choice.TAKE_OVER if take_over else Choice.LEAVE if leave else Choice.ASK


def settle(lesson: Lesson, stack: Stack, found: Sequence[Met], chosen: Choice, *, yes: bool) -> Choice:
    """Name what the lesson meets, and find out what to do about it.

    Args:
        lesson: that is to be applied.
        stack: the lab.
        found: the objects that it meets.
        chosen: by options.
        yes: whether nothing may be asked.

    Raises:
        LabError: nobody chose, or an object cannot be left.
    """
    if not found:
        return Choice.LEAVE
    say(styled("[bold]Not of the stack, and in the way of {}[/]", lesson.name))
    for each in found:
        say(f"  {each.object.title}, by {each.object.manager or 'somebody'}: {each.why}")
    if chosen is Choice.ASK and not yes and sys.stdin.isatty():
        answer = typer.prompt("Take them over (t), leave them (l), or stop (s)?", default="s")
        chosen = {"t": Choice.TAKE_OVER, "l": Choice.LEAVE}.get(answer.strip().lower()[:1], Choice.ASK)
    again = f"lab lesson apply {lesson.name}{stack.option}"
    titles = ", ".join(each.object.title for each in found)
    same = [each.object.title for each in found if each.same_name]
    if chosen is Choice.ASK:
        leave = "" if same else f"; or leave them: {again} --leave"
        raise LabError(
            f"the lesson {lesson.name} meets {counted(len(found), 'object')} of somebody else: {titles}",
            f"take them over, with a copy that is given back later: {again} --take-over{leave}",
        )
    if chosen is Choice.LEAVE and same:
        raise LabError(
            f"{', '.join(same)} cannot be left: the lesson {lesson.name} makes an object of that name",
            f"give yours another name, or take it over, with a copy that is given back later: {again} --take-over",
        )
    return chosen


def take_over(lesson: Lesson, stack: Stack, before: Configured, found: Sequence[Met]) -> None:
    """Take the objects out of the way, and name the copies."""
    from lab.services.lessons import kept

    for file in kept.take_over(stack, lesson.subject, before, found):
        say(f"taken over; the copy is {file}")


def remind(lesson: Lesson, stack: Stack, left: Sequence[Met]) -> None:
    """Name what was left or taken over, since it may explain what is seen."""
    from lab.services.lessons import kept

    if left:
        say(f"Left  {', '.join(each.object.title for each in left)}: what you see may be their effect")
    if copies := kept.objects(stack, lesson.subject):
        say(f"Kept  {', '.join(map(str, copies))}")
        say(f"      given back by: lab lesson undo{stack.option}")
