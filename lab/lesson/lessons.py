"""The lessons as they are written down, and the one that a stack is in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lab.errors import LabError
from lab.settings.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping


class Lesson(BaseModel):
    """One exercise.

    Attributes:
        name: a number and a word or two.
        title: what the mesh does in it.
        see: what is to be seen.
        commands: what to try.
        traffic: the whole of the setting `traffic`, as it is written into the stack's file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    see: str
    commands: tuple[str, ...] = Field(alias="try")
    traffic: dict[str, object]

    def fits(self, traffic: Mapping[str, object]) -> bool:
        """Whether these settings mean the same, defaults included; wrong ones are no lesson's."""
        try:
            return _meaning(self.traffic) == _meaning(traffic)
        except ValidationError:
            return False


@cache
def every() -> tuple[Lesson, ...]:
    """All lessons, in the order of the notes."""
    text = Path(__file__).with_name("lessons.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Lesson, ...]).validate_python(yaml.safe_load(text))


def find(word: str) -> Lesson:
    """The lesson of a name, of its number, or of a word that only its name has.

    Raises:
        LabError: there is none, or more than one.
    """
    # Nobody types the first zero of 05; and no word at all would become 00.
    number = word.zfill(2) if word else ""
    exact = [each for each in every() if each.name == word or each.name.partition("-")[0] == number]
    found = exact or [each for each in every() if word and word in each.name]
    if len(found) != 1:
        several = f"which one of {', '.join(each.name for each in found)}" if found else "there is no such lesson"
        names = ", ".join(each.name for each in every())
        raise LabError(f'lab lesson: found "{word}": {several}', f"allowed: {names}, or their numbers")
    return found[0]


def at(traffic: Mapping[str, object]) -> Lesson | None:
    """The lesson that settings of `traffic` stand for; None when they are one's own."""
    return next((each for each in every() if each.fits(traffic)), None)


def after(lesson: Lesson) -> Lesson:
    """The one that follows in the notes; the first one, which is the way back, after the last."""
    listed = every()
    return listed[(listed.index(lesson) + 1) % len(listed)]


def _meaning(traffic: Mapping[str, object]) -> Traffic:
    return Traffic.model_validate(traffic, by_alias=True, by_name=False)
