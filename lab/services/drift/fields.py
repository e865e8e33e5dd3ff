"""Fields of Kubernetes objects: their managers by `managedFields`, and their values."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""A JSON value."""


class Missing(enum.Enum):
    """Type of the sentinel for a field that is not there; null is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - Pulumi's mark of a secret, no secret
"""Key of encrypted values in a state."""

_PLAIN = re.compile(r"[A-Za-z_][\w-]*")
"""A name that needs no quotes."""

_MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "type")
"""Candidates for the key of a list's elements: the first that all have and no two share."""


@dataclass(frozen=True)
class Path:
    """Path of a field, in the steps of `fieldsV1`.

    `f:` precedes a name, `k:` the keys of a list element as JSON, `v:` an element itself as JSON, `i:` a position.
    """

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(map(_shown, self.steps)).removeprefix(".")

    @property
    def general(self) -> str:
        """The path with [] for every list element."""
        return "".join(_shown(step) if step.startswith("f:") else "[]" for step in self.steps).removeprefix(".")

    @property
    def prefixes(self) -> Iterator[Path]:
        """All prefixes, from the first step to the whole path."""
        return (Path(self.steps[:length]) for length in range(1, len(self.steps) + 1))

    def inside(self, other: Path) -> bool:
        """Whether `other` is a prefix of this path."""
        return self.steps[: len(other.steps)] == other.steps

    def read(self, value: Value) -> Value | Missing:
        """The value at this path; an encrypted value is returned for each of its parts."""
        found: Value | Missing = value
        for step in self.steps:
            if found is MISSING or encrypted(found):
                break
            found = _follow(found, step)
        return found


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of an object's `managedFields`: the innermost fields, and the list elements held as such."""

    manager: str
    subresource: str
    time: str
    paths: tuple[Path, ...]
    elements: frozenset[Path]


def entries(live: Value) -> tuple[Entry, ...]:
    """The managed fields of a live object, the last writer at the end."""
    found = Path(("f:metadata", "f:managedFields")).read(live)
    lines = [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []
    return tuple(sorted((_entry(line) for line in lines), key=lambda entry: entry.time))


def leaves(value: Value) -> Iterator[Path]:
    """Paths of all innermost values; lists without a key count as one value."""
    return _inside(value, ())


def encrypted(value: Value | Missing) -> bool:
    """Whether a value is encrypted in the state."""
    return isinstance(value, dict) and _SECRET in value


def hides_a_secret(value: Value | Missing) -> bool:
    """Whether any part is encrypted in the state."""
    if isinstance(value, dict):
        return encrypted(value) or any(hides_a_secret(each) for each in value.values())
    return isinstance(value, list) and any(hides_a_secret(each) for each in value)


def text(value: Value | Missing) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def _entry(line: dict[str, Value]) -> Entry:
    held = line.get("fieldsV1")
    tree = held if isinstance(held, dict) else {}
    return Entry(
        manager=text(line.get("manager")),
        subresource=text(line.get("subresource")),
        time=text(line.get("time")),
        paths=tuple(_held(tree, ())),
        elements=frozenset(_elements(tree, ())),
    )


def _held(tree: dict[str, Value], steps: tuple[str, ...]) -> Iterator[Path]:
    for step, below in tree.items():
        if isinstance(below, dict) and below.keys() - {"."}:
            yield from _held(below, (*steps, step))
        elif step != ".":
            yield Path((*steps, step))


def _elements(tree: dict[str, Value], steps: tuple[str, ...]) -> Iterator[Path]:
    for step, below in tree.items():
        if isinstance(below, dict):
            if step.startswith("k:") and "." in below:
                yield Path((*steps, step))
            yield from _elements(below, (*steps, step))


def _inside(value: Value, steps: tuple[str, ...]) -> Iterator[Path]:
    if isinstance(value, dict) and value and not encrypted(value):
        for name, each in value.items():
            yield from _inside(each, (*steps, f"f:{name}"))
    elif isinstance(value, list) and (key := _merge_key(value)):
        for each in value:
            if isinstance(each, dict):
                yield from _inside(each, (*steps, f"k:{json.dumps({key: each[key]})}"))
    else:
        yield Path(steps)


def _merge_key(elements: list[Value]) -> str:
    objects = [each for each in elements if isinstance(each, dict)]
    if len(objects) != len(elements):
        return ""
    for key in _MERGE_KEYS:
        values = [each[key] for each in objects if isinstance(each.get(key), str | int)]
        if values and len(set(values)) == len(elements):
            return key
    return ""


def _follow(value: Value, step: str) -> Value | Missing:
    kind, _, rest = step.partition(":")
    if kind == "f":
        return value.get(rest, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    wanted = json.loads(rest)
    if kind == "i":
        return value[wanted] if wanted < len(value) else MISSING
    return next((each for each in value if (_has(each, wanted) if kind == "k" else each == wanted)), MISSING)


def _has(element: Value, keys: dict[str, Value]) -> bool:
    """Whether a list element has these keys; defaults of the API server may be missing."""
    if not isinstance(element, dict):
        return False
    present = keys.keys() & element.keys()
    return bool(present) and all(element[key] == keys[key] for key in present)


def _shown(step: str) -> str:
    kind, _, rest = step.partition(":")
    if kind == "k":
        return f"[{','.join(f'{key}={value}' for key, value in json.loads(rest).items())}]"
    if kind == "f":
        return f".{rest}" if _PLAIN.fullmatch(rest) else f"[{json.dumps(rest)}]"
    return f"[{rest}]"
