"""A class file, read and checked whole before anything is made: everything that is wrong, each with its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lab.core.errors import LabError
from lab.core.tags import PROJECT
from lab.services.classes import configuration, source
from lab.services.classes.roster import Budget, Config, Quota, Roster, Student
from lab.settings import Settings, Target, students
from lab.settings.messages import expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lab.services.classes.source import Key, Source
    from lab.settings.groups import Group

_MOST_STUDENTS = 5000


def read(path: Path) -> Roster:
    """Read and check a class file whole: the class, every row, and the settings that every stack would get.

    Args:
        path: a YAML file, or a CSV file of students.

    Raises:
        LabError: something is wrong; all of it is listed, each with its line.
    """
    return check(source.read(path))


def check(found: Source) -> Roster:
    """Check what a class file says.

    Args:
        found: the file's content with its lines.

    Raises:
        LabError: something is wrong; all of it is listed, each with its line.
    """
    try:
        roster = Roster.model_validate(dict(found.data), by_alias=True, by_name=False)
    except ValidationError as error:
        problems = [_problem(found, details) for details in error.errors(include_url=False)]
    else:
        problems = [*_incomplete(found, roster), *_colliding(found, roster)]
        problems = problems or [
            *_misplaced(found, roster),
            *_unserved(found, roster),
            *_refused_settings(found, roster),
        ]
        if not problems:
            return roster
    lines = sorted(set(problems), key=_by_line)
    count = "1 thing is" if len(lines) == 1 else f"{len(lines)} things are"
    raise LabError(
        "\n".join([f"{found.path}: {count} wrong, so nothing was begun:", *(f"  {line}" for line in lines)]),
        "mend the lines and run the same command again; `lab class plan` only looks",
    )


_OF_THE_PLATFORM = (
    "target",
    "kubernetesVersion",
    "istioVersion",
    "nodes",
    "azure",
    "kubeconfig",
    "mesh",
    "observability",
)
"""Settings that a student's share of a cluster has no part in."""

_OF_THE_CLASS = ("student", "shared", "expires")
"""Settings that the class itself sets."""


def _incomplete(found: Source, roster: Roster) -> list[str]:
    problems = []
    if not roster.classroom:
        problems.append(f'{found.at(("class",))}: class: found ""; allowed: {_CLASS_RULE}')
    if not roster.students:
        problems.append(f"{found.at(('students',))}: students: found none; allowed: at least one")
    if len(roster.students) > _MOST_STUDENTS:
        problems.append(
            f"{found.at(('students',))}: students: found {len(roster.students)}; allowed: at most {_MOST_STUDENTS}"
        )
    for number, student in enumerate(roster.students):
        if not student.id:
            problems.append(f'{found.at(("students", number, "id"))}: id: found ""; allowed: {students.ID_RULE}')
    return problems


_CLASS_RULE = "at most 20 lower-case letters, digits and inner hyphens: ws26"


def _colliding(found: Source, roster: Roster) -> list[str]:
    """Rows that would be the same stack."""
    first: dict[str, int] = {}
    problems = []
    for number, student in enumerate(roster.students):
        if not student.id:
            continue
        if student.id in first:
            before = found.at(("students", first[student.id], "id"))
            problems.append(f"{found.at(('students', number, 'id'))}: id: found {student.id}, which {before} has too")
        if roster.shared and student.stack == roster.platform_stack:
            problems.append(
                f"{found.at(('students', number, 'id'))}: id: found {student.id}; its stack would have the name of the "
                f"shared cluster's, {roster.platform_stack}"
            )
        first.setdefault(student.id, number)
    return problems


def _misplaced(found: Source, roster: Roster) -> list[str]:
    """Settings in a place where they would do nothing, or contradict the class."""
    problems = []
    places: list[tuple[Key, Config]] = [
        (("settings",), roster.settings),
        *((("students", number, "settings"), student.settings) for number, student in enumerate(roster.students)),
    ]
    for place, chosen in places:
        for key in chosen:
            where = f"{found.at((*place, key))}: settings.{key}"
            if key in _OF_THE_CLASS:
                problems.append(f"{where}: the class sets it; take it out")
            elif roster.shared and key in _OF_THE_PLATFORM:
                problems.append(f"{where}: it is the shared cluster's; put it under platform")
    for key in roster.platform:
        where = f"{found.at(('platform', key))}: platform.{key}"
        if not roster.shared:
            problems.append(f"{where}: with tenancy cluster nobody shares a cluster; put it under settings")
        elif key in _OF_THE_CLASS:
            problems.append(f"{where}: the class sets it; take it out")
    return problems


def _unserved(found: Source, roster: Roster) -> list[str]:
    """Find what the shared cluster has no room or no controller for."""
    if not roster.shared:
        return []
    problems = []
    chosen = roster.platform.get("nodes")
    counted = isinstance(chosen, dict) and "count" in chosen
    most = configuration.MOST_STUDENTS_SIMULATED
    on_this_machine = roster.platform.get("target", Target.EMBEDDED.value) == Target.EMBEDDED.value
    if on_this_machine and not counted and len(roster.students) > most:
        problems.append(
            f"{found.at(('students',))}: students: found {len(roster.students)}; allowed on the embedded target: "
            f"{most}, for whom {configuration.MOST_SIMULATED} simulated nodes have room"
        )
    rollouts = roster.platform.get("rollouts")
    if isinstance(rollouts, dict) and rollouts.get("enabled") is False:
        wanting = [
            each.id for each in roster.students if _rolls_out(configuration.merge(roster.settings, each.settings))
        ]
        if wanting:
            problems.append(
                f"{found.at(('platform', 'rollouts', 'enabled'))}: platform.rollouts.enabled: found false, but the "
                f"Rollouts of {', '.join(wanting[:3])} need it; put rollouts.enabled: false under settings too"
            )
    return problems


def _rolls_out(chosen: Config) -> bool:
    rollouts = chosen.get("rollouts")
    return not isinstance(rollouts, dict) or rollouts.get("enabled") is not False


def _refused_settings(found: Source, roster: Roster) -> list[str]:
    """Find what `Settings` would refuse of any stack."""
    problems: list[str] = []
    if roster.shared:
        problems += _refused(
            found, ("platform",), [(("platform",), roster.platform)], configuration.of_platform(roster)
        )[0]
    whose: dict[str, list[str]] = {}
    for number, student in enumerate(roster.students):
        place: Key = ("students", number)
        written = [((*place, "settings"), student.settings), (("settings",), roster.settings)]
        refused, settings = _refused(found, place, written, configuration.of_student(roster, student))
        if settings and settings.target is Target.KUBECONFIG and not roster.shared and len(roster.students) > 1:
            refused.append(
                f"{_line(found, place, written, 'target')}: settings.target: found kubeconfig; with tenancy cluster: "
                "embedded, azure; one existing cluster can be shared, with tenancy namespace and platform.target, but "
                "not given to each"
            )
        for problem in refused:
            whose.setdefault(problem, []).append(student.id)
    for problem, ids in whose.items():
        # A setting of the class may be wrong beside what some students have alone.
        problems.append(problem if len(ids) == len(roster.students) else f"{problem} (for {_named(ids)})")
    return problems


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (" and others" if len(ids) > 3 else "")  # noqa: PLR2004 - enough to know who


_Written = list[tuple["Key", Config]]
"""Places of the file that a stack's settings are from, and what stands there; what counts more comes first."""


def _refused(found: Source, place: Key, written: _Written, chosen: Config) -> tuple[list[str], Settings | None]:
    """Find what `Settings` would refuse of one stack; return the settings if it is nothing."""
    try:
        return [], configuration.checked(chosen, source=found.at(place))
    except LabError as error:
        lines = [line.strip() for line in error.message.splitlines()[1:]]
        return [f"{_line(found, place, written, _key(line))}: {line}" for line in lines], None


def _key(line: str) -> str:
    """The setting that a line of `Settings` is about."""
    return line.removeprefix(f"{PROJECT}:").partition(": ")[0]


def _line(found: Source, place: Key, written: _Written, key: str) -> str:
    """File and line of a setting: where most of its name stands, else where its stack does."""
    path = key.split(".")
    depths = [_depth(settings, path) for _, settings in written]
    if not any(depths):
        return found.at(place)
    root = written[depths.index(max(depths))][0]
    return found.at((*root, *path[: max(depths)]))


def _depth(settings: Mapping[str, Any], path: Sequence[str]) -> int:
    """Count the leading parts of a setting's name that are in a mapping."""
    inside: object = settings
    for depth, part in enumerate(path):
        if not isinstance(inside, dict) or part not in inside:
            return depth
        inside = inside[part]
    return len(path)


_SHAPES = {
    "model_type": "keys with values, such as id and name",
    "tuple_type": "a list of students, or the name of a CSV file beside this one",
}
"""The allowed kinds, for values of a wrong kind."""


_INNER: Mapping[str, type[Group]] = {"students": Student, "quota": Quota, "budget": Budget}
"""The sections of a class file."""


def _problem(found: Source, details: Mapping[str, Any]) -> str:
    place: Key = tuple(details["loc"])
    key = ".".join(str(part) for part in place) or "the file"
    shown = json.dumps(details["input"], ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - room for the rest of the line
    if details["type"] == "extra_forbidden":
        keys = ", ".join(_keys(_INNER.get(str(place[0]), Roster)))
        return f"{found.at(place)}: {key}: there is no such key; the keys here are {keys}"
    allowed = _SHAPES.get(details["type"]) or expected(Roster, details)
    return f"{found.at(place)}: {key}: found {shown}; allowed: {allowed}"


def _keys(model: type[Group]) -> Iterable[str]:
    return (str(field.alias) for field in model.model_fields.values())


def _by_line(problem: str) -> tuple[str, int, str]:
    """The order in the files: by file, then by line number."""
    file, _, rest = problem.partition(":")
    number = rest.partition(":")[0]
    return file, int(number) if number.isdigit() else 0, problem
