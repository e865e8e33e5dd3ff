"""The lessons of `lessons.yaml`, and those that match a stack's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from lab.core import manifests
from lab.core.errors import LabError
from lab.services.lessons import stack_file
from lab.settings.rollouts import Rollouts
from lab.settings.traffic import Traffic

if TYPE_CHECKING:
    from lab.adapters.stack import Stack
    from lab.settings.groups import Group

Configured = Mapping[str, Mapping[str, object]]
"""Settings by top-level key."""


class Subject(StrEnum):
    """Subjects of lessons. A stack is at one lesson of each, so their settings share no key."""

    TRAFFIC = "traffic"
    STRATEGIES = "strategies"


KEYS: Mapping[Subject, tuple[str, ...]] = {Subject.TRAFFIC: ("traffic",), Subject.STRATEGIES: ("rollouts",)}
"""Top-level settings that the lessons of a subject change."""

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
"""Values by key that stay as the user has them. The lesson sets the rest of a key."""


class Lesson(BaseModel):
    """One exercise. `settings` are written to the stack's file, by top-level key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    subject: Subject
    title: str
    see: str
    commands: tuple[str, ...] = Field(alias="try")
    settings: dict[str, dict[str, object]]

    @model_validator(mode="after")
    def _of_its_subject(self) -> Self:
        """Require every key of the subject: a missing one would keep the previous lesson's."""
        if tuple(self.settings) != KEYS[self.subject]:
            raise ValueError(f"{self.name} must set {', '.join(KEYS[self.subject])} and nothing else")
        return self

    @property
    def word(self) -> str:
        """The name without its number."""
        return self.name.partition("-")[2]

    def onto(self, present: Configured) -> dict[str, dict[str, object]]:
        """The stack's settings after the lesson, from the present, unchecked ones of its keys."""
        return {key: _with_kept(key, own, present.get(key, {})) for key, own in self.settings.items()}

    def fits(self, present: Configured) -> bool:
        """Whether the lesson would change no setting's meaning; invalid settings match no lesson."""
        try:
            return all(
                _meaning(key, value) == _meaning(key, present.get(key, {})) for key, value in self.onto(present).items()
            )
        except ValidationError:
            return False


def every(subject: Subject | None = None) -> tuple[Lesson, ...]:
    """All lessons in the order of the course, or those of one subject."""
    return tuple(each for each in _listed() if subject in {None, each.subject})


def find(word: str) -> Lesson:
    """Find a lesson by its name, its number, or a unique part of its name.

    Raises:
        LabError: there is none, or more than one.
    """
    # 5 means 05, but an empty word is not 00.
    number = word.zfill(2) if word else ""
    exact = [each for each in every() if word in {each.name, each.word} or each.name.partition("-")[0] == number]
    found = exact or [each for each in every() if word and word in each.name]
    if len(found) != 1:
        several = f"which one of {', '.join(each.name for each in found)}" if found else "there is no such lesson"
        names = ", ".join(each.name for each in every())
        raise LabError(f'lab lesson: found "{word}": {several}', f"allowed: {names}, or their numbers")
    return found[0]


def at(subject: Subject, present: Configured) -> Lesson | None:
    """The first lesson of a subject that the settings match, if any."""
    return next((each for each in every(subject) if each.fits(present)), None)


def after(lesson: Lesson) -> Lesson:
    """The next lesson of the subject; after the last one the first, which is the way back."""
    listed = every(lesson.subject)
    return listed[(listed.index(lesson) + 1) % len(listed)]


def present(stack: Stack, subject: Subject) -> Configured:
    """A subject's settings in the stack's file, not validated: a lesson may replace invalid settings.

    Raises:
        LabError: the file cannot be parsed.
    """
    try:
        config = stack.config()
        found = {key: config.get(key) or {} for key in KEYS[subject]}
    except (yaml.YAMLError, AttributeError) as failure:  # no YAML, or lists and numbers where keys should be
        raise LabError(f"{stack.file.name} is not a stack's file: {failure}", "correct it manually") from failure
    return {key: _mapping(stack, key, value) for key, value in found.items()}


def _mapping(stack: Stack, key: str, value: object) -> dict[str, object]:
    if isinstance(value, str):  # as `pulumi config set` without --path writes an object
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise LabError(
            f"{stack_file.full(key)} in {stack.file.name} is no mapping", "write it as keys and values, as in README.md"
        )
    return value


@cache
def _listed() -> tuple[Lesson, ...]:
    text = Path(__file__).with_name("lessons.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Lesson, ...]).validate_python(yaml.safe_load(text))


def _meaning(key: str, value: Mapping[str, object]) -> Group:
    return _MODELS[key].model_validate(value, by_alias=True, by_name=False)


def _with_kept(key: str, own: Mapping[str, object], present: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in _KEPT.get(key, ()):
        manifests.merge(found, _picked(present, path))
    manifests.merge(found, own)
    return found


def _picked(present: object, path: str) -> dict[str, object]:
    """One value inside of its groups; empty if it does not exist."""
    first, _, rest = path.partition(".")
    if not isinstance(present, Mapping) or first not in present:
        return {}
    if not rest:
        return {first: present[first]}
    inner = _picked(present[first], rest)
    return {first: inner} if inner else {}
