"""Who is in a class, and what each student's lab is to be: read and checked whole, before anything is made."""

from __future__ import annotations

import json
import math
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from lab.classroom import names, source
from lab.errors import LabError
from lab.settings import Settings, Target, rules
from lab.settings.groups import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lab.classroom.source import Key, Source

Config = dict[str, Any]
"""Settings of a stack as people write them, by their names without the namespace; checked by `Settings` alone."""

_MOST_STUDENTS = 5000


class Tenancy(StrEnum):
    """What a student has."""

    NAMESPACE = "namespace"
    """Namespaces on a cluster that the class shares: many times cheaper."""

    CLUSTER = "cluster"
    """A whole lab: platform, mesh, tools."""


class Quota(Group):
    """What the Pods of each namespace of a student may ask for, on a shared cluster; defaults are the settings'.

    Attributes:
        cpu: cores.
        memory: a Kubernetes quantity.
        pods: how many.
    """

    cpu: Annotated[int, rules.whole(1, 64)] = 3
    memory: Annotated[str, rules.memory("2Gi", "512Gi")] = "6Gi"
    pods: Annotated[int, rules.whole(10, 500)] = 40


class Budget(Group):
    """What a class may cost.

    Attributes:
        max_per_hour: US dollars an hour for the whole class when every autoscaler has added all it may; 0 for no limit.
    """

    max_per_hour: Annotated[float, rules.dollars()] = 0.0


class Student(Group):
    """One row.

    Attributes:
        id: of which every name follows.
        name: as people say it.
        mail: where the handout goes.
        group: object id of an Entra group whose members may work in the student's namespaces.
        settings: of this student's stack, over those of the class.
    """

    id: Annotated[str, rules.student()] = ""
    name: Annotated[str, rules.TAG] = ""
    mail: Annotated[str, rules.EMAIL] = ""
    group: Annotated[str, rules.GROUP] = ""
    settings: Annotated[Config, rules.mapping()] = Field(default_factory=dict)

    @property
    def stack(self) -> str:
        """Name of the student's stack."""
        return names.stack(self.id)


class Roster(Group):
    """A class.

    Attributes:
        classroom: its name; `class` in the file.
        tenancy: whether its students share a cluster.
        expires: when everything may be taken away; empty for never.
        days: how many days the course has, for its price.
        hours: how many hours a day it is used, for its price.
        parallel: how many students are worked on at a time; 0 for what this machine has room for.
        quota: of each of a student's namespaces on a shared cluster.
        budget: what it may cost.
        platform: settings of the shared cluster's stack.
        settings: of every student's stack.
        students: the rows.
    """

    classroom: Annotated[str, rules.CLASSROOM] = Field(default="", alias="class")
    tenancy: Annotated[Tenancy, rules.one_of(Tenancy)] = Tenancy.NAMESPACE
    expires: Annotated[str, rules.expiry()] = ""
    days: Annotated[int, rules.whole(1, 366)] = 1
    hours: Annotated[int, rules.whole(1, 24)] = 8
    parallel: Annotated[int, rules.whole(0, 50)] = 0
    quota: Annotated[Quota, rules.section()] = Quota()
    budget: Annotated[Budget, rules.section()] = Budget()
    platform: Annotated[Config, rules.mapping()] = Field(default_factory=dict)
    settings: Annotated[Config, rules.mapping()] = Field(default_factory=dict)
    students: tuple[Student, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether the students share a cluster."""
        return self.tenancy is Tenancy.NAMESPACE

    @property
    def platform_stack(self) -> str:
        """Name of the stack that makes the shared cluster."""
        return names.platform_stack(self.classroom)

    @property
    def stacks(self) -> tuple[str, ...]:
        """Names of all its stacks, that of the shared cluster first."""
        return (*((self.platform_stack,) if self.shared else ()), *(each.stack for each in self.students))

    @property
    def owns_platform(self) -> bool:
        """Whether the shared cluster is the class' own, and goes when the class goes."""
        return self.shared and self.platform.get("target") != Target.KUBECONFIG.value

    def find(self, student: str) -> Student:
        """The row of a student.

        Args:
            student: id.

        Raises:
            LabError: there is none.
        """
        for each in self.students:
            if each.id == student:
                return each
        raise LabError(
            f"{student} is not in the class {self.classroom}",
            f"name one of: {', '.join(each.id for each in self.students)}",
        )


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


def config(roster: Roster, student: Student) -> Config:
    """The whole configuration of a student's stack: all keys that are set, and no other.

    Args:
        roster: the class.
        student: a row of it.
    """
    chosen = merge(roster.settings, student.settings)
    who = {"id": student.id, "classroom": roster.classroom, **({"group": student.group} if student.group else {})}
    share = {"platform": roster.platform_stack, **roster.quota.model_dump()}
    return {
        **chosen,
        **({"target": Target.SHARED.value, "shared": share} if roster.shared else {}),
        **({"expires": roster.expires} if roster.expires else {}),
        "student": who,
    }


def platform_config(roster: Roster) -> Config:
    """The whole configuration of the stack that makes the shared cluster: a lab without the course's applications.

    Args:
        roster: the class.
    """
    wanted: Config = {
        "tutorial": {"helloNginx": False, "bookinfo": False, "shop": False},
        "shop": {"enabled": False},
        "rollouts": {"example": {"enabled": False}},
        "student": {"classroom": roster.classroom},
        **({"expires": roster.expires} if roster.expires else {}),
    }
    return merge(merge(_room(roster), roster.platform), wanted)


_SOMEBODY = "203.0.113.7/32"
"""Of the documentation's own range: an address in the place of whoever will run `up`."""


def checked(chosen: Config, *, source: str) -> Settings:
    """The settings of a stack; on Azure, the caller's address counts as let in, since `up` will see to it.

    Args:
        chosen: its configuration.
        source: the file and line that people have to edit, for messages.

    Raises:
        LabError: a setting is wrong.
    """
    given = chosen.get("azure", {}) if chosen.get("target") == Target.AZURE.value else None
    if isinstance(given, dict) and not given.get("allowedRanges"):
        chosen = {**chosen, "azure": {**given, "allowedRanges": [_SOMEBODY]}}
    return Settings.from_mapping(chosen, source=source)


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Config:
    """Settings laid over others: groups are merged, all else is replaced; neither is changed."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


_CPU_OF_A_STUDENT, _PODS_OF_A_STUDENT = 1.5, 34
"""What the Pods of a student's three namespaces ask for, sidecars and a roll under way included, and how many."""

_CPU_OF_THE_PLATFORM, _PODS_OF_THE_PLATFORM = 4, 20
"""The same of istiod, gateways, Prometheus, Grafana, Kiali, Jaeger, Loki and Argo Rollouts."""

_PODS_OF_A_NODE = 100
"""A simulated node takes 110, and ten of them are on every node; one of AKS takes 250."""

_SIMULATED_CPU, _SIMULATED_MEMORY, _MOST_SIMULATED = 16, "64Gi", 50
_CPU_OF_A_MACHINE, _MOST_MACHINES = 4, 100
_ZONES = 3


def _room(roster: Roster) -> Config:
    """Nodes for everybody; what the class file says of them counts more."""
    students = len(roster.students)
    cpu = _CPU_OF_THE_PLATFORM + _CPU_OF_A_STUDENT * students
    pods = _PODS_OF_THE_PLATFORM + _PODS_OF_A_STUDENT * students
    target = roster.platform.get("target", Target.EMBEDDED.value)
    if target == Target.EMBEDDED.value:
        needed = max(math.ceil(cpu / _SIMULATED_CPU), math.ceil(pods / _PODS_OF_A_NODE), _ZONES)
        count = min(needed, _MOST_SIMULATED)
        zones = min(_ZONES, _number(roster.platform, "nodes", "count") or count)
        return {"nodes": {"count": count, "zones": zones, "cpu": _SIMULATED_CPU, "memory": _SIMULATED_MEMORY}}
    if target == Target.AZURE.value:
        most = _number(roster.platform, "azure", "systemPool", "maxCount") or _MOST_MACHINES
        # The machines' own daemons take a part of each.
        count = min(max(2, math.ceil(cpu / (_CPU_OF_A_MACHINE - 1))), most)
        begun = _number(roster.platform, "azure", "systemPool", "count") or count
        return {"azure": {"systemPool": {"count": count, "maxCount": min(begun + 1, _MOST_MACHINES)}}}
    return {}


def _number(config: Config, *path: str) -> int:
    """A number that a class file says; 0 where it says none. Whether it is a good one is for `Settings` to say."""
    found: Any = config
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return int(found) if isinstance(found, (int, str)) and re.fullmatch(r"\d{1,9}", str(found), re.ASCII) else 0


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
            problems.append(f'{found.at(("students", number, "id"))}: id: found ""; allowed: {names.ID_RULE}')
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
    """What the shared cluster has no room or no controller for."""
    if not roster.shared:
        return []
    problems = []
    chosen = roster.platform.get("nodes")
    counted = isinstance(chosen, dict) and "count" in chosen
    most = (_MOST_SIMULATED * _PODS_OF_A_NODE - _PODS_OF_THE_PLATFORM) // _PODS_OF_A_STUDENT
    on_this_machine = roster.platform.get("target", Target.EMBEDDED.value) == Target.EMBEDDED.value
    if on_this_machine and not counted and len(roster.students) > most:
        problems.append(
            f"{found.at(('students',))}: students: found {len(roster.students)}; allowed on the embedded target: "
            f"{most}, for whom {_MOST_SIMULATED} simulated nodes have room"
        )
    rollouts = roster.platform.get("rollouts")
    if isinstance(rollouts, dict) and rollouts.get("enabled") is False:
        wanting = [each.id for each in roster.students if _rolls_out(merge(roster.settings, each.settings))]
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
    """What `Settings` would refuse of any stack."""
    problems: list[str] = []
    if roster.shared:
        problems += _refused(found, ("platform",), [(("platform",), roster.platform)], platform_config(roster))[0]
    whose: dict[str, list[str]] = {}
    for number, student in enumerate(roster.students):
        place: Key = ("students", number)
        written = [((*place, "settings"), student.settings), (("settings",), roster.settings)]
        refused, settings = _refused(found, place, written, config(roster, student))
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
    """What `Settings` would refuse of one stack, and the settings if it is nothing."""
    try:
        return [], checked(chosen, source=found.at(place))
    except LabError as error:
        lines = [line.strip() for line in error.message.splitlines()[1:]]
        return [f"{_line(found, place, written, _key(line))}: {line}" for line in lines], None


def _key(line: str) -> str:
    """The setting that a line of `Settings` is about."""
    return line.removeprefix(f"{rules.NAMESPACE}:").partition(": ")[0]


def _line(found: Source, place: Key, written: _Written, key: str) -> str:
    """File and line of a setting: where most of its name stands, else where its stack does."""
    path = key.split(".")
    depths = [_depth(settings, path) for _, settings in written]
    if not any(depths):
        return found.at(place)
    root = written[depths.index(max(depths))][0]
    return found.at((*root, *path[: max(depths)]))


def _depth(settings: Mapping[str, Any], path: Sequence[str]) -> int:
    """How many parts of a setting's name stand in a mapping, from the outside in."""
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
"""What is allowed where a value is of the wrong kind altogether."""


_INNER: Mapping[str, type[Group]] = {"students": Student, "quota": Quota, "budget": Budget}
"""What has keys of its own inside a class."""


def _problem(found: Source, details: Mapping[str, Any]) -> str:
    place: Key = tuple(details["loc"])
    key = ".".join(str(part) for part in place) or "the file"
    shown = json.dumps(details["input"], ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - room for the rest of the line
    if details["type"] == "extra_forbidden":
        keys = ", ".join(_keys(_INNER.get(str(place[0]), Roster)))
        return f"{found.at(place)}: {key}: there is no such key; the keys here are {keys}"
    allowed = _SHAPES.get(details["type"]) or details.get("ctx", {}).get("error") or details["msg"]
    return f"{found.at(place)}: {key}: found {shown}; allowed: {allowed}"


def _keys(model: type[Group]) -> Iterable[str]:
    return (str(field.alias) for field in model.model_fields.values())


def _by_line(problem: str) -> tuple[str, int, str]:
    """As the file has them: by file, then by number."""
    file, _, rest = problem.partition(":")
    number = rest.partition(":")[0]
    return file, int(number) if number.isdigit() else 0, problem
