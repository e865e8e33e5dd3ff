"""Objects of a cluster: which of them a stack has made itself, and which are somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.namespaces import ARGO_ROLLOUTS, ISTIO_SYSTEM, SHOP, TUTORIAL
from lab.core.tags import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.adapters.cluster_api import ClusterApi
    from lab.core.manifests import Object

MARK = f"{PROJECT}/stack"
"""The annotation of every namespace that a stack makes, with the stack's full name. A stack whose `up` was killed knows
by it a namespace that did not get into its state."""

_PULUMI = "pulumi-"
"""Prefix of the field managers of Pulumi's provider."""

_MANAGED_BY = "app.kubernetes.io/managed-by"

_WITHOUT = {
    SHOP: f"or leave it out: pulumi config set --path {PROJECT}:shop.enabled false",
    ARGO_ROLLOUTS: f"or leave it out: pulumi config set --path {PROJECT}:rollouts.enabled false",
}
_ANOTHER_ID = f"or take another id for the student: pulumi config set --path {PROJECT}:student.id ID"
_ELSEWHERE = "or take another cluster"


def path(name: str) -> str:
    """Return the path of a namespace on the API server."""
    return f"/api/v1/namespaces/{name}"


def require_free(api: ClusterApi, names: Iterable[str], stack: str) -> None:
    """Check that a stack may make namespaces: they do not exist, or it made them itself.

    Args:
        api: of the cluster.
        names: of the namespaces.
        stack: full name of the stack.

    Raises:
        LabError: one of them is somebody else's.
    """
    for name in names:
        if found := api.find(path(name)):
            require_own(found, stack)


def require_own(namespace: Object, stack: str) -> None:
    """Check that a namespace is of a stack's own making.

    Raises:
        LabError: it is somebody else's, or is just being deleted.
    """
    metadata = namespace["metadata"]
    name, mark = metadata["name"], (metadata.get("annotations") or {}).get(MARK)
    if metadata.get("deletionTimestamp"):
        raise LabError(
            f"the namespace {name} is still being deleted", "try again when it is gone: kubectl get namespaces"
        )
    if mark == stack:
        return
    others = _WITHOUT.get(name) or (_ELSEWHERE if name in (ISTIO_SYSTEM, TUTORIAL) else _ANOTHER_ID)
    raise LabError(
        f"the cluster has the namespace {name} already, which {_maker(metadata, mark)}; the lab would take it over and "
        "later delete it",
        f"if nobody needs what is in it, delete it: kubectl delete namespace {name}; {others}",
    )


def require_free_name(found: Object) -> None:
    """Check that an object whose name a stack needs is of the lab's making, as after an `up` that was killed.

    Raises:
        LabError: it is somebody else's.
    """
    metadata = found["metadata"]
    if any(str(each.get("manager") or "").startswith(_PULUMI) for each in metadata.get("managedFields") or ()):
        return
    kind, name = found["kind"], metadata["name"]
    place = f" -n {metadata['namespace']}" if metadata.get("namespace") else ""
    which = f"{kind} {metadata.get('namespace', '')}/{name}".replace(" /", " ")
    raise LabError(
        f"the cluster has the {which} already, which {_maker(metadata, None)}; the stack needs the name, and would "
        "take it over and later delete it",
        f"keep a copy: kubectl get {kind.lower()} {name}{place} -o yaml > {name}.yaml; "
        f"then delete it: kubectl delete {kind.lower()} {name}{place}; or leave out the setting that needs the name",
    )


def first_manager(found: Object) -> str:
    """Return the program that made an object, by the name with which it signed; empty if nobody did."""
    return str(_first_entry(found["metadata"]).get("manager") or "")


def _maker(metadata: Object, mark: str | None) -> str:
    """Say who seems to have made a namespace."""
    if mark:
        return f"the stack {mark} has made"
    first = _first_entry(metadata)
    who = (metadata.get("labels") or {}).get(_MANAGED_BY) or first.get("manager") or "somebody else"
    day = str(metadata.get("creationTimestamp") or "").partition("T")[0]
    return f"{who} has made" + (f" on {day}" if day else "")


def _first_entry(metadata: Object) -> Object:
    entries = metadata.get("managedFields") or ()
    first: Object = min(entries, key=lambda each: str(each.get("time") or ""), default={})
    return first
