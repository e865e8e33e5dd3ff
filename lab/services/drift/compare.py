"""Compare the field managers of live objects with what the stack declared."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

from lab.core import replicas
from lab.services.drift import live, managers
from lab.services.drift.fields import MISSING, Path, entries, hides_a_secret, leaves, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.services.drift.fields import Entry, Missing, Value
    from lab.services.drift.live import Key
    from lab.services.drift.state import Declared
    from lab.services.drift.undeclared import Undeclared

NOT_DECLARED = "not declared"
UNKNOWN = "known to the chart only"
SECRET = "a secret value"  # noqa: S105 - printed instead of one
GONE = "gone"

_WHOLE = "the whole object"
_VALUE_LENGTH = 100
"""Characters of a value that are shown."""

_DELETION = Path(("f:metadata", "f:deletionTimestamp"))
_REPEATS = 'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]'
"""Where `kubectl apply` repeats its whole input, secret values included."""

_DEFAULTS: Mapping[tuple[str, str], Value] = {
    ("Service", "spec.type"): "ClusterIP",
    ("Service", "spec.sessionAffinity"): "None",
    ("Service", "spec.internalTrafficPolicy"): "Cluster",
    ("Service", "spec.ports[].protocol"): "TCP",
    ("Deployment", "spec.replicas"): 1,
    ("StatefulSet", "spec.replicas"): 1,
    ("Rollout", "spec.replicas"): 1,
}
"""Defaults of the API server: such a value is no change where nothing else is declared."""

_PLUGIN = "kubectl-argo-rollouts"
"""Manager of deliberate changes that the lab's settings may leave alone."""


class Remediation(enum.StrEnum):
    """Way to undo a change."""

    REFRESH = "refresh"
    SCALED = "scaled"
    UNSEEN = "unseen"
    WAIT = "wait"
    RELEASE = "release"
    UNDO = "undo"


class _ObjectRef(TypedDict):
    kind: str
    namespace: str
    name: str
    release: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field that was changed manually, or a whole object.

    Attributes:
        release: Helm release of the object; empty for a resource of the stack.
        now: live value.
        declared: value in the stack.
        manager: field manager that holds the field, if any.
        time: last write of that manager.
        note: known reason of the change, if any.
        way: how to undo it.
    """

    kind: str
    namespace: str
    name: str
    release: str
    field: str
    now: str
    declared: str
    manager: str = ""
    time: str = ""
    note: str = ""
    way: Remediation


@dataclass(frozen=True, kw_only=True)
class Owned:
    """Fields of an object that a controller is expected to write, with [] for each element of a list."""

    kind: str
    namespace: str
    name: str
    fields: tuple[str, ...]
    manager: str
    why: str


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """Manual changes and expected ones in a number of objects, and objects beside them.

    Attributes:
        undeclared: objects that are not of the stack, and change how it behaves.
    """

    objects: int
    changed: tuple[Change, ...]
    owned: tuple[Owned, ...]
    undeclared: tuple[Undeclared, ...] = ()


def compare(declared: Iterable[Declared], cluster: Mapping[Key, Value]) -> DriftReport:
    """Split what others than Pulumi wrote into manual and expected changes."""
    pairs = [(each, live.find(cluster, each)) for each in declared]
    return DriftReport(
        objects=len(pairs),
        changed=tuple(change for each, found in pairs for change in _changes(each, found)),
        owned=tuple(owned for each, found in pairs for owned in _owned(each, found)),
    )


def _changes(declared: Declared, found: Value) -> Iterator[Change]:
    if found is None:
        yield _whole(declared, found, "deleted", Remediation.RELEASE if declared.release else Remediation.REFRESH)
        return
    if since := text(_DELETION.read(found)):
        yield _whole(declared, found, f"being deleted since {since}", Remediation.WAIT)
    changed: dict[Path, Change] = {}
    for entry in _foreign(declared, found):
        for path in entry.paths:
            if managers.first(managers.EXPECTED_MANAGERS, declared.kind, entry.manager, path) is None:
                shown = _outermost(declared, entry, path)
                if not _as_declared(declared, shown, shown.read(found)):
                    changed[shown] = _held(declared, found, entry, shown)
    yield from changed.values()
    for path in _gone(declared, found):
        yield _lost(declared, found, path)


def _as_declared(declared: Declared, path: Path, now: Value | Missing) -> bool:
    """Check that a field has the declared value, or else that of the last update or the default."""
    before = path.read(declared.inputs)
    if now == before:
        return True
    kept = declared.outputs
    if not any(path.inside(each) for entry in _foreign(declared, kept) for each in entry.paths):
        after = path.read(kept)
        if after is not MISSING and now == after:
            return True
    return before is MISSING and now == _DEFAULTS.get((declared.kind, path.general), MISSING)


def _owned(declared: Declared, found: Value) -> Iterator[Owned]:
    rows: dict[tuple[str, str], dict[str, None]] = {}
    for entry in _foreign(declared, found):
        for path in entry.paths:
            if row := managers.first(managers.EXPECTED_MANAGERS, declared.kind, entry.manager, path):
                rows.setdefault((entry.manager, row.why), {})[path.general] = None
    for (manager, why), fields in rows.items():
        of = _object(declared, found)
        yield Owned(
            kind=of["kind"], namespace=of["namespace"], name=of["name"], fields=tuple(fields), manager=manager, why=why
        )


def _foreign(declared: Declared, found: Value) -> Iterator[Entry]:
    """Fields that others than Pulumi hold, without the status.

    A manager that holds a map whose parts others hold only created it, so the map itself is left out.
    """
    every = entries(found)
    around = {prefix for entry in every for path in entry.paths for prefix in path.prefixes if prefix != path}
    for entry in every:
        if (
            entry.subresource != "status"
            and entry.manager != declared.manager
            and not managers.is_pulumi(entry.manager)
        ):
            paths = tuple(path for path in entry.paths if path.steps[0] != "f:status" and path not in around)
            yield replace(entry, paths=paths)


def _outermost(declared: Declared, entry: Entry, path: Path) -> Path:
    """The undeclared list element that a field is in, else the field itself."""
    undeclared = (each for each in path.prefixes if each in entry.elements and each.read(declared.inputs) is MISSING)
    return path if declared.release else next(undeclared, path)


def _gone(declared: Declared, found: Value) -> Iterator[Path]:
    """Declared fields that nobody holds any more, the outermost of each.

    Only what the API server once stored can be gone: it drops empty and unknown fields.
    """
    held = [path for entry in _foreign(declared, found) for path in entry.paths]
    gone: dict[Path, None] = {}
    for path in leaves(declared.inputs):
        if path.steps and path.read(found) is MISSING and path.read(declared.outputs) is not MISSING:
            top = next(each for each in path.prefixes if each.read(found) is MISSING)
            if not any(top.inside(each) for each in held):
                gone[top] = None
    return iter(gone)


def _held(declared: Declared, found: Value, entry: Entry, path: Path) -> Change:
    now, before = path.read(found), path.read(declared.inputs)
    secret = declared.kind == "Secret" or hides_a_secret(before)
    unknown = declared.release and declared.inputs is None
    note = managers.first(managers.MANUAL_MANAGERS, declared.kind, entry.manager, path)
    return Change(
        **_object(declared, found),
        field=str(path),
        now="all that it was given" if str(path) == _REPEATS else _shown(now, absent=GONE, secret=secret),
        declared=UNKNOWN if unknown else _shown(before, absent=NOT_DECLARED, secret=secret),
        manager=f"{entry.manager} ({entry.subresource})" if entry.subresource else entry.manager,
        time=entry.time,
        note=note.why if note else "",
        way=_remediation(declared, entry, path, before),
    )


def _lost(declared: Declared, found: Value, path: Path) -> Change:
    before = path.read(declared.inputs)
    secret = declared.kind == "Secret" or hides_a_secret(before)
    return Change(
        **_object(declared, found),
        field=str(path),
        now=GONE,
        declared=_shown(before, absent=NOT_DECLARED, secret=secret),
        note="the removal of a field leaves no record",
        way=Remediation.REFRESH,
    )


def _whole(declared: Declared, found: Value, now: str, way: Remediation) -> Change:
    return Change(**_object(declared, found), field=_WHOLE, now=now, declared="there", way=way)


def _object(declared: Declared, found: Value) -> _ObjectRef:
    """The fields of a change that name its object."""
    if found is not None:
        namespace = text(Path(("f:metadata", "f:namespace")).read(found))
    else:
        namespace = declared.namespaces[0] or (declared.namespaces[-1] if declared.release else "")
    return {"kind": declared.kind, "namespace": namespace, "name": declared.name, "release": declared.release}


def _remediation(declared: Declared, entry: Entry, path: Path, before: Value | Missing) -> Remediation:
    if declared.release:
        return Remediation.RELEASE
    if declared.kind in replicas.KINDS and str(path) == replicas.FIELD:
        return Remediation.SCALED
    if before is MISSING:
        return Remediation.UNSEEN
    if declared.kind == "Rollout" and entry.manager.startswith(_PLUGIN):
        return Remediation.UNDO
    return Remediation.REFRESH


def _shown(value: Value | Missing, *, absent: str, secret: bool) -> str:
    """A value on one line; secrets are replaced."""
    if value is MISSING:
        return absent
    if secret:
        return SECRET
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(written.split())
    return line if len(line) <= _VALUE_LENGTH else f"{line[:_VALUE_LENGTH]}..."
