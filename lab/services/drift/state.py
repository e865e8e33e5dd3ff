"""What a stack declared: the Kubernetes objects in its state, and those of its Helm releases."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.services.drift.fields import Path, encrypted, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.services.drift.fields import Value

_RELEASE = "kubernetes:helm.sh/v3:Release"
_OBJECT = re.compile(r"kubernetes:(?!helm\.sh/)[^:/]+/v\w+:\w+")
_RELEASED = re.compile(r"(?P<kind>\w+)[^/]*/(?P<version>(?:[^/]+/)?v\w+)")
"""A key of a release's `resourceNames`: the kind with its group, then the version, again with the group."""

_TOO_LARGE = ("CustomResourceDefinition",)
"""Kinds that are not looked at: nobody edits these by hand, and each is a megabyte."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One object that the stack made.

    Attributes:
        api_version: as in a manifest.
        kind: as in a manifest.
        namespaces: where it can be, in this order; empty for a cluster's own kinds.
        name: its own.
        release: the Helm release that it is of; empty for a resource of the stack.
        inputs: what the program said; None for an object of a release.
        outputs: what the API server made of it at the last update; None for an object of a release.
        manager: the field manager that Pulumi uses for it; empty when the state does not say.
    """

    api_version: str
    kind: str
    namespaces: tuple[str, ...]
    name: str
    release: str = ""
    inputs: Value = None
    outputs: Value = None
    manager: str = ""

    @property
    def group(self) -> str:
        """The API's group; empty for Kubernetes' core."""
        return self.api_version.rpartition("/")[0]


def declared(exported: str) -> tuple[Declared, ...]:
    """The objects that a state speaks of, except what it only reads and what it is about to delete.

    Args:
        exported: the state, as Pulumi exports it.

    Raises:
        LabError: the provider wrote a release's objects in another way.
    """
    listed = Path(("f:deployment", "f:resources")).read(json.loads(exported))
    found = [
        each
        for resource in (listed if isinstance(listed, list) else [])
        if isinstance(resource, dict) and not resource.get("external") and not resource.get("delete")
        for each in _objects(resource)
    ]
    return tuple(each for each in found if each.kind not in _TOO_LARGE)


def _objects(resource: dict[str, Value]) -> Iterator[Declared]:
    if resource.get("type") == _RELEASE:
        yield from _released(resource)
    elif resource.get("custom") and _OBJECT.fullmatch(text(resource.get("type"))):
        yield _resource(resource)


def _resource(resource: dict[str, Value]) -> Declared:
    inputs, outputs = resource.get("inputs"), resource.get("outputs")
    namespace, _, name = text(resource.get("id")).rpartition("/")
    _, written, kind = text(resource["type"]).split(":")
    return Declared(
        api_version=text(Path(("f:apiVersion",)).read(inputs)) or written.removeprefix("core/"),
        kind=text(Path(("f:kind",)).read(inputs)) or kind,
        namespaces=(namespace,) if namespace else ("", "default"),
        name=name,
        inputs=_as_stored(inputs),
        outputs=outputs,
        manager=text(Path(("f:__fieldManager",)).read(outputs)),
    )


def _as_stored(inputs: Value) -> Value:
    """A Secret's texts where the API server puts them."""
    if not isinstance(inputs, dict) or inputs.get("kind") != "Secret" or "stringData" not in inputs:
        return inputs
    rest = {name: each for name, each in inputs.items() if name != "stringData"}
    texts, data = inputs["stringData"], inputs.get("data")
    if not isinstance(texts, dict) or encrypted(texts):
        return {**rest, "data": texts}
    stored = {
        name: base64.b64encode(each.encode()).decode() if isinstance(each, str) else each
        for name, each in texts.items()
    }
    return {**rest, "data": {**data, **stored} if isinstance(data, dict) and not encrypted(data) else stored}


def _released(resource: dict[str, Value]) -> Iterator[Declared]:
    outputs = resource.get("outputs")
    names = Path(("f:resourceNames",)).read(outputs)
    home = text(Path(("f:namespace",)).read(outputs))
    release = text(Path(("f:name",)).read(outputs))
    for key, listed in names.items() if isinstance(names, dict) else ():
        of_kind = _RELEASED.fullmatch(key)
        if not of_kind:
            raise LabError(
                f'the state names objects of the Helm release {release} by "{key}", which is no kind/version'
            )
        for each in listed if isinstance(listed, list) else ():
            namespace, _, name = text(each).rpartition("/")
            yield Declared(
                api_version=of_kind["version"],
                kind=of_kind["kind"],
                # Helm puts what names no namespace into the release's own, unless the kind has none.
                namespaces=(namespace,) if namespace else ("", home),
                name=name,
                release=release,
            )
