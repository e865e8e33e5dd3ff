"""What the objects of a cluster say about who changed them, against what the stack declared."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.services.drift import live, managers
from lab.services.drift.fields import ABSENT, Path, entries, hides_a_secret, leaves, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.services.drift.fields import Entry, Nothing, Value
    from lab.services.drift.live import Key
    from lab.services.drift.state import Declared

NOT_DECLARED = "not declared"
UNKNOWN = "known to the chart only"
SECRET = "a secret value"  # noqa: S105 - what is said instead of one
GONE = "gone"

_WHOLE = "the whole object"
_LONGEST = 100
"""Characters of a value that are shown."""

_DELETION = Path(("f:metadata", "f:deletionTimestamp"))
_REPEATS = 'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]'
"""Where `kubectl apply` repeats all that it was given, values that are secret elsewhere among them."""

_TAKEN_OVER = "kubectl"
"""With this begin the managers whose fields Pulumi's provider takes over before it writes an object."""


_PLUGIN = "kubectl-argo-rollouts"
"""What it writes, the lab's settings may leave alone on purpose."""


class Remediation(enum.StrEnum):
    """How a change can be undone."""

    REFRESH = "refresh"
    CONFLICT = "conflict"
    UNSEEN = "unseen"
    WAIT = "wait"
    RELEASE = "release"
    UNDO = "undo"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field that somebody changed by hand.

    Attributes:
        kind: of the object.
        namespace: of the object; empty for a cluster's own kinds.
        name: of the object.
        release: the Helm release that the object is of; empty for a resource of the stack.
        field: where.
        now: what stands there.
        declared: what the stack says.
        manager: who holds the field by the object's own record; empty when nobody does.
        time: when that manager last wrote; empty when nobody did.
        note: what is known of such a deed; often empty.
        way: how it can be undone.
    """

    kind: str
    namespace: str
    name: str
    release: str
    field: str
    now: str
    declared: str
    manager: str
    time: str
    note: str
    way: Remediation


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Fields of an object that a controller is expected to write.

    Attributes:
        kind: of the object.
        namespace: of the object; empty for a cluster's own kinds.
        name: of the object.
        fields: where, with [] for each element of a list.
        manager: the controller.
        why: it does so.
    """

    kind: str
    namespace: str
    name: str
    fields: tuple[str, ...]
    manager: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found.

    Attributes:
        objects: how many were looked at.
        changed: by hand.
        owned: by controllers, as expected.
    """

    objects: int
    changed: tuple[Change, ...]
    owned: tuple[Owned, ...]


def compare(declared: Iterable[Declared], cluster: Mapping[Key, Value]) -> Report:
    """Sort what others than Pulumi wrote by whether they are expected to.

    Args:
        declared: the stack's objects.
        cluster: what is there.
    """
    pairs = [(each, live.find(cluster, each)) for each in declared]
    return Report(
        objects=len(pairs),
        changed=tuple(change for each, found in pairs for change in _changes(each, found)),
        owned=tuple(owned for each, found in pairs for owned in _owned(each, found)),
    )


def _changes(declared: Declared, found: Value) -> Iterator[Change]:
    if found is None:
        yield _of_the_whole(
            declared, found, "deleted", Remediation.RELEASE if declared.release else Remediation.REFRESH
        )
        return
    if since := text(_DELETION.read(found)):
        yield _of_the_whole(declared, found, f"being deleted since {since}", Remediation.WAIT)
    changed: dict[Path, Change] = {}
    for entry in _foreign(declared, found):
        for path in entry.paths:
            if managers.first(managers.EXPECTED_MANAGERS, declared.kind, entry.manager, path) is None:
                shown = _outermost(declared, entry, path)
                if shown.read(found) != shown.read(declared.inputs):
                    changed[shown] = _held(declared, found, entry, shown)
    yield from changed.values()
    for path in _gone(declared, found):
        yield _lost(declared, found, path)


def _owned(declared: Declared, found: Value) -> Iterator[Owned]:
    rows: dict[tuple[str, str], dict[str, None]] = {}
    for entry in _foreign(declared, found):
        for path in entry.paths:
            if row := managers.first(managers.EXPECTED_MANAGERS, declared.kind, entry.manager, path):
                rows.setdefault((entry.manager, row.why), {})[path.general] = None
    for (manager, why), fields in rows.items():
        yield Owned(
            kind=declared.kind,
            namespace=_namespace(declared, found),
            name=declared.name,
            fields=tuple(fields),
            manager=manager,
            why=why,
        )


def _foreign(declared: Declared, found: Value) -> Iterator[Entry]:
    """What others than Pulumi hold, except the status, which is no setting whoever writes it.

    Who holds a map of which others hold the parts only brought it about, and says nothing of what is in it.
    """
    every = entries(found)
    around = {way for entry in every for path in entry.paths for way in path.ways if way != path}
    for entry in every:
        if (
            entry.subresource != "status"
            and entry.manager != declared.manager
            and not managers.is_pulumi(entry.manager)
        ):
            paths = tuple(path for path in entry.paths if path.steps[0] != "f:status" and path not in around)
            yield replace(entry, paths=paths)


def _outermost(declared: Declared, entry: Entry, path: Path) -> Path:
    """The element of a list that a field is in, if the stack does not know of the element, else the field."""
    strange = (way for way in path.ways if way in entry.elements and way.read(declared.inputs) is ABSENT)
    return path if declared.release else next(strange, path)


def _gone(declared: Declared, found: Value) -> Iterator[Path]:
    """The fields that the stack declared and that nobody holds any more, each with all that was inside of it.

    Only what the API server once had can be gone: it drops what is empty and what a kind does not know.
    """
    held = [path for entry in _foreign(declared, found) for path in entry.paths]
    gone: dict[Path, None] = {}
    for path in leaves(declared.inputs):
        if path.steps and path.read(found) is ABSENT and path.read(declared.outputs) is not ABSENT:
            top = next(way for way in path.ways if way.read(found) is ABSENT)
            if not any(top.inside(each) for each in held):
                gone[top] = None
    return iter(gone)


def _held(declared: Declared, found: Value, entry: Entry, path: Path) -> Change:
    now, before = path.read(found), path.read(declared.inputs)
    secret = declared.kind == "Secret" or hides_a_secret(before)
    note = managers.first(managers.MANUAL_MANAGERS, declared.kind, entry.manager, path)
    return Change(
        kind=declared.kind,
        namespace=_namespace(declared, found),
        name=declared.name,
        release=declared.release,
        field=str(path),
        now="all that it was given" if str(path) == _REPEATS else _told(now, absent=GONE, secret=secret),
        declared=UNKNOWN if declared.release else _told(before, absent=NOT_DECLARED, secret=secret),
        manager=f"{entry.manager} ({entry.subresource})" if entry.subresource else entry.manager,
        time=entry.time,
        note=note.why if note else "",
        way=_way(declared, entry, before),
    )


def _lost(declared: Declared, found: Value, path: Path) -> Change:
    before = path.read(declared.inputs)
    secret = declared.kind == "Secret" or hides_a_secret(before)
    return Change(
        kind=declared.kind,
        namespace=_namespace(declared, found),
        name=declared.name,
        release="",
        field=str(path),
        now=GONE,
        declared=_told(before, absent=NOT_DECLARED, secret=secret),
        manager="",
        time="",
        note="who takes a field away leaves no record",
        way=Remediation.REFRESH,
    )


def _of_the_whole(declared: Declared, found: Value, now: str, way: Remediation) -> Change:
    return Change(
        kind=declared.kind,
        namespace=_namespace(declared, found),
        name=declared.name,
        release=declared.release,
        field=_WHOLE,
        now=now,
        declared="there",
        manager="",
        time="",
        note="",
        way=way,
    )


def _way(declared: Declared, entry: Entry, before: Value | Nothing) -> Remediation:
    if declared.release:
        return Remediation.RELEASE
    if before is ABSENT:
        return Remediation.UNSEEN
    if declared.kind == "Rollout" and entry.manager.startswith(_PLUGIN):
        return Remediation.UNDO
    taken_over = entry.manager.startswith(_TAKEN_OVER) and not entry.subresource
    return Remediation.REFRESH if taken_over else Remediation.CONFLICT


def _namespace(declared: Declared, found: Value) -> str:
    if found is not None:
        return text(Path(("f:metadata", "f:namespace")).read(found))
    return declared.namespaces[0] or (declared.namespaces[-1] if declared.release else "")


def _told(value: Value | Nothing, *, absent: str, secret: bool) -> str:
    """A value on one line, without what is secret."""
    if value is ABSENT:
        return absent
    if secret:
        return SECRET
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(written.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
