"""Live objects of a cluster, with their managed fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from lab.adapters import kubectl
from lab.core.errors import LabError
from lab.services import state_repair
from lab.services.drift.fields import Path, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.adapters.stack import Stack
    from lab.services.drift.fields import Value
    from lab.services.drift.state import Declared

Key: TypeAlias = tuple[str, str, str, str]
"""Group, kind, namespace and name of an object."""

_TIMEOUT = "--request-timeout=30s"
_COLUMNS = 4
"""Of a kind without short names."""

_UNKNOWN_KIND = "the server doesn't have a resource type"


def look(stack: Stack, objects: Iterable[Declared], watched: Iterable[tuple[str, str]] = ()) -> Mapping[Key, Value]:
    """Every object of the kinds that a stack declared, and of more kinds, with one `get` if the server knows them all.

    Args:
        stack: whose cluster.
        objects: of the stack; also a kind that the server does not know any more is asked for.
        watched: group and kind of more; those that the server does not know are left out.
    """
    kinds = {(each.group, each.kind): _resource(each) for each in objects}
    for group, kind in _known(stack, watched):
        kinds.setdefault((group, kind), f"{kind}.{group}".lower().rstrip("."))
    return {_key(each): each for each in _listed(stack, sorted(kinds.values()))}


def _known(stack: Stack, watched: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of some kinds that the server knows."""
    if not (wanted := frozenset(watched)):
        return []
    lines = [line.split() for line in _asked(stack, "api-resources", "--verbs=list", "--no-headers").splitlines()]
    # Name, short names if any, version with its group, whether in namespaces, kind.
    found = {(line[-3].rpartition("/")[0], line[-1]) for line in lines if len(line) >= _COLUMNS}
    return sorted(wanted & found)


def _asked(stack: Stack, *command: str) -> str:
    """The answer of kubectl.

    Raises:
        LabError: the cluster does not answer, or does not know a kind.
    """
    try:
        return kubectl.run(stack.kubeconfig, *command, _TIMEOUT)
    except LabError as error:
        if _UNKNOWN_KIND in error.message:
            raise
        raise state_repair.unanswered(stack, error.message) from None


def find(cluster: Mapping[Key, Value], wanted: Declared) -> Value:
    """The live object of a declared one, if there is one."""
    keys = ((wanted.group, wanted.kind, namespace, wanted.name) for namespace in wanted.namespaces)
    return next((cluster[key] for key in keys if key in cluster), None)


def _listed(stack: Stack, kinds: Sequence[str]) -> list[Value]:
    if not kinds:
        return []
    command = ("get", ",".join(kinds), "--all-namespaces", "-o", "json", "--show-managed-fields")
    try:
        answer = json.loads(_asked(stack, *command))
    except LabError as error:
        if _UNKNOWN_KIND not in error.message:
            raise
        # A deleted CRD takes its objects along; the other kinds are still there.
        return [] if len(kinds) == 1 else [each for kind in kinds for each in _listed(stack, [kind])]
    return list(answer["items"])


def _resource(declared: Declared) -> str:
    """The fully qualified resource name for kubectl."""
    return f"{declared.kind.lower()}.{declared.api_version.rpartition('/')[2]}.{declared.group}"


def _key(live: Value) -> Key:
    api_version, kind, namespace, name = (
        text(Path(steps).read(live))
        for steps in (("f:apiVersion",), ("f:kind",), ("f:metadata", "f:namespace"), ("f:metadata", "f:name"))
    )
    return api_version.rpartition("/")[0], kind, namespace, name
