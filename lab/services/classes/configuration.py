"""Configuration of the stacks of a class: the class file's settings, and what follows from them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from lab.settings import Settings, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.services.classes.roster import Config, Roster, Student


def of_student(roster: Roster, student: Student) -> Config:
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


def of_platform(roster: Roster) -> Config:
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
"""An address of the documentation range, in place of the address of whoever will run `up`."""


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
"""Requests and number of the Pods of a student's three namespaces, with sidecars and a rollout in progress."""

_CPU_OF_THE_PLATFORM, _PODS_OF_THE_PLATFORM = 4, 20
"""The same of istiod, gateways, Prometheus, Grafana, Kiali, Jaeger, Loki and Argo Rollouts."""

_PODS_OF_A_NODE = 100
"""A simulated node takes 110, and ten of them are on every node; one of AKS takes 250."""

_SIMULATED_CPU, _SIMULATED_MEMORY = 16, "64Gi"

MOST_SIMULATED = 50
"""Simulated nodes of one embedded cluster."""

_CPU_OF_A_MACHINE, _MOST_MACHINES = 4, 100
_ZONES = 3


MOST_STUDENTS_SIMULATED = (MOST_SIMULATED * _PODS_OF_A_NODE - _PODS_OF_THE_PLATFORM) // _PODS_OF_A_STUDENT
"""For how many students that many nodes have room."""


def _room(roster: Roster) -> Config:
    """Nodes for everybody; what the class file says of them counts more."""
    students = len(roster.students)
    cpu = _CPU_OF_THE_PLATFORM + _CPU_OF_A_STUDENT * students
    pods = _PODS_OF_THE_PLATFORM + _PODS_OF_A_STUDENT * students
    target = roster.platform.get("target", Target.EMBEDDED.value)
    if target == Target.EMBEDDED.value:
        needed = max(math.ceil(cpu / _SIMULATED_CPU), math.ceil(pods / _PODS_OF_A_NODE), _ZONES)
        count = min(needed, MOST_SIMULATED)
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
