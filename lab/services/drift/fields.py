"""Fields of Kubernetes objects: who holds which, by the objects' own record, and what stands there."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What JSON can say."""


class Nothing(enum.Enum):
    """That a field is not there, which is not the same as a null."""

    ABSENT = "absent"


ABSENT: Final = Nothing.ABSENT

_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - Pulumi's mark of a secret, no secret
"""The key by which a state says that something is no object but an encrypted value."""

_PLAIN = re.compile(r"[A-Za-z_][\w-]*")
"""A name that can stand behind a dot."""

_MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "type")
"""By which of its fields an element of a list is known, the first that all elements have and no two share."""


@dataclass(frozen=True)
class Path:
    """Where a field is.

    Attributes:
        steps: from the object's root, as in `fieldsV1`: `f:` before a name, `k:` before the keys of an element as
            JSON, `v:` before an element itself as JSON, `i:` before a position.
    """

    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(map(_told, self.steps)).removeprefix(".")

    @property
    def general(self) -> str:
        """The same in every element of a list."""
        return "".join(_told(step) if step.startswith("f:") else "[]" for step in self.steps).removeprefix(".")

    @property
    def ways(self) -> Iterator[Path]:
        """What leads there, from the first step to the whole path."""
        return (Path(self.steps[:length]) for length in range(1, len(self.steps) + 1))

    def inside(self, other: Path) -> bool:
        """Whether it is the other path or leads further from there."""
        return self.steps[: len(other.steps)] == other.steps

    def read(self, value: Value) -> Value | Nothing:
        """What stands there; an encrypted value hides all that is inside of it, and is returned for each part."""
        found: Value | Nothing = value
        for step in self.steps:
            if found is ABSENT or encrypted(found):
                break
            found = _follow(found, step)
        return found


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of an object's `managedFields`.

    Attributes:
        manager: who wrote the fields.
        subresource: through which one, such as `scale`; empty when the object itself was written.
        time: when these fields were last written, as the API server put it.
        paths: the fields, each without others inside.
        elements: the elements of lists that are the manager's as such.
    """

    manager: str
    subresource: str
    time: str
    paths: tuple[Path, ...]
    elements: frozenset[Path]


def entries(live: Value) -> tuple[Entry, ...]:
    """Who holds which fields of a live object, the one who wrote last at the end."""
    found = Path(("f:metadata", "f:managedFields")).read(live)
    lines = [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []
    return tuple(sorted((_entry(line) for line in lines), key=lambda entry: entry.time))


def leaves(value: Value) -> Iterator[Path]:
    """The paths of everything that has nothing inside; lists whose elements have no key are such, too."""
    return _inside(value, ())


def encrypted(value: Value | Nothing) -> bool:
    """Whether something is a secret of the state."""
    return isinstance(value, dict) and _SECRET in value


def hides_a_secret(value: Value | Nothing) -> bool:
    """Whether any part is encrypted in the state."""
    if isinstance(value, dict):
        return encrypted(value) or any(hides_a_secret(each) for each in value.values())
    return isinstance(value, list) and any(hides_a_secret(each) for each in value)


def text(value: Value | Nothing) -> str:
    """A text, or the empty one for everything else."""
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


def _follow(value: Value, step: str) -> Value | Nothing:
    kind, _, rest = step.partition(":")
    if kind == "f":
        return value.get(rest, ABSENT) if isinstance(value, dict) else ABSENT
    if not isinstance(value, list):
        return ABSENT
    wanted = json.loads(rest)
    if kind == "i":
        return value[wanted] if wanted < len(value) else ABSENT
    return next((each for each in value if (_has(each, wanted) if kind == "k" else each == wanted)), ABSENT)


def _has(element: Value, keys: dict[str, Value]) -> bool:
    """Whether an element of a list is the one with these keys; what the API server fills in may be missing."""
    if not isinstance(element, dict):
        return False
    present = keys.keys() & element.keys()
    return bool(present) and all(element[key] == keys[key] for key in present)


def _told(step: str) -> str:
    kind, _, rest = step.partition(":")
    if kind == "k":
        return f"[{','.join(f'{key}={value}' for key, value in json.loads(rest).items())}]"
    if kind == "f":
        return f".{rest}" if _PLAIN.fullmatch(rest) else f"[{json.dumps(rest)}]"
    return f"[{rest}]"
