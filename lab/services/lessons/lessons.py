"""The lessons as they are written down, and those that a stack is at."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from lab.core.errors import LabError
from lab.settings.rollouts import Rollouts
from lab.settings.traffic import Traffic

if TYPE_CHECKING:
    from lab.settings.groups import Group

Configured = Mapping[str, Mapping[str, object]]
"""Whole settings, by their top-level keys."""


class Subject(StrEnum):
    """What lessons are about. A stack is at one lesson of each, so their settings have no key in common."""

    TRAFFIC = "traffic"
    STRATEGIES = "strategies"


KEYS: Mapping[Subject, tuple[str, ...]] = {Subject.TRAFFIC: ("traffic",), Subject.STRATEGIES: ("rollouts",)}
"""The top-level settings that the lessons of a subject change."""

_MODELS: Mapping[str, type[Group]] = {"traffic": Traffic, "rollouts": Rollouts}

_KEPT: Mapping[str, tuple[str, ...]] = {
    "rollouts": (
        "enabled",
        "example.image",
        "example.serviceType",
        "example.sourceRanges",
        "delivery.pause",
        "delivery.timeout",
        "delivery.analysis",
    )
}
"""What no lesson says, and what therefore stays as the user has it. All the rest of a key is the lesson's."""


class Lesson(BaseModel):
    """One exercise.

    Attributes:
        name: a number and a word or two.
        subject: what it is about.
        title: what the lab does in it.
        see: what is to be seen.
        commands: what to try.
        settings: by top-level key, what is written into the stack's file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: Subject
    title: str
    see: str
    commands: tuple[str, ...] = Field(alias="try")
    settings: dict[str, dict[str, object]]

    @model_validator(mode="after")
    def _of_its_subject(self) -> Self:
        """A lesson that left one of the keys out would not end the lesson before it."""
        if tuple(self.settings) != KEYS[self.subject]:
            raise ValueError(f"{self.name} must set {', '.join(KEYS[self.subject])} and nothing else")
        return self

    @property
    def word(self) -> str:
        """Its name without its number."""
        return self.name.partition("-")[2]

    def onto(self, present: Configured) -> dict[str, dict[str, object]]:
        """What the stack's file has once the lesson is applied: the lesson's settings, and what it leaves alone.

        Args:
            present: what the file has of these keys now, unchecked.
        """
        return {key: _with_kept(key, own, present.get(key, {})) for key, own in self.settings.items()}

    def fits(self, present: Configured) -> bool:
        """Whether applying it would change nothing that is meant, defaults included; wrong settings are no lesson's."""
        try:
            return all(
                _meaning(key, value) == _meaning(key, present.get(key, {})) for key, value in self.onto(present).items()
            )
        except ValidationError:
            return False


def every(subject: Subject | None = None) -> tuple[Lesson, ...]:
    """All lessons in the order of the notes, or those of one subject."""
    return tuple(each for each in _listed() if subject in {None, each.subject})


def find(word: str) -> Lesson:
    """The lesson of a name, of its number, or of a word that only its name has.

    Raises:
        LabError: there is none, or more than one.
    """
    # Nobody types the first zero of 05; and no word at all would become 00.
    number = word.zfill(2) if word else ""
    exact = [each for each in every() if word in {each.name, each.word} or each.name.partition("-")[0] == number]
    found = exact or [each for each in every() if word and word in each.name]
    if len(found) != 1:
        several = f"which one of {', '.join(each.name for each in found)}" if found else "there is no such lesson"
        names = ", ".join(each.name for each in every())
        raise LabError(f'lab lesson: found "{word}": {several}', f"allowed: {names}, or their numbers")
    return found[0]


def at(subject: Subject, present: Configured) -> Lesson | None:
    """The lesson of a subject that settings stand for, the first where several do; None when they are one's own."""
    return next((each for each in every(subject) if each.fits(present)), None)


def after(lesson: Lesson) -> Lesson:
    """The one that follows in the notes; after the last of its subject the first one, which is the way back."""
    listed = every(lesson.subject)
    return listed[(listed.index(lesson) + 1) % len(listed)]


@cache
def _listed() -> tuple[Lesson, ...]:
    text = Path(__file__).with_name("lessons.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Lesson, ...]).validate_python(yaml.safe_load(text))


def _meaning(key: str, value: Mapping[str, object]) -> Group:
    return _MODELS[key].model_validate(value, by_alias=True, by_name=False)


def _with_kept(key: str, own: Mapping[str, object], present: Mapping[str, object]) -> dict[str, object]:
    found = dict(own)
    for path in _KEPT.get(key, ()):
        found = _merged(_picked(present, path), found)
    return found


def _picked(present: object, path: str) -> dict[str, object]:
    """One value and the groups that it is in; nothing when it is not there, or they are no groups."""
    first, _, rest = path.partition(".")
    if not isinstance(present, Mapping) or first not in present:
        return {}
    if not rest:
        return {first: present[first]}
    inner = _picked(present[first], rest)
    return {first: inner} if inner else {}


def _merged(under: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    found = {**under, **over}
    for name in under.keys() & over.keys():
        low, high = under[name], over[name]
        if isinstance(low, dict) and isinstance(high, dict):
            found[name] = _merged(low, high)
    return found
