"""Declared objects: the Kubernetes resources in a state, and the objects of its Helm releases."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core import replicas
from lab.core.errors import LabError
from lab.services.drift.fields import Path, encrypted, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.services.drift.fields import Value

_RELEASE = "kubernetes:helm.sh/v3:Release"
_OBJECT = re.compile(r"kubernetes:(?!helm\.sh/)[^:/]+/v\w+:\w+")
_RELEASED = re.compile(r"(?P<kind>\w+)[^/]*/(?P<version>(?:[^/]+/)?v\w+)")
"""A key of a release's `resourceNames`: kind and group, then group and version."""

_TOO_LARGE = ("CustomResourceDefinition",)
"""Kinds that are left out: nobody edits these manually, and each is a megabyte."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One object of the stack.

    Attributes:
        namespaces: possible namespaces in order; "" is for cluster-scoped kinds.
        release: Helm release that has it; empty for a resource of the stack.
        inputs: inputs of the program, or what the chart says; None for an object of a release that was not asked.
        outputs: the object after the last update; None for an object of a release.
        manager: field manager that Pulumi uses for it, if the state has it.
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
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


def declared(exported: str) -> tuple[Declared, ...]:
    """Objects of an exported state, except those only read or about to be deleted.

    Raises:
        LabError: a release's objects are in an unknown format.
    """
    listed = Path(("f:deployment", "f:resources")).read(json.loads(exported))
    found = [
        each
        for resource in (listed if isinstance(listed, list) else [])
        if isinstance(resource, dict) and not resource.get("external") and not resource.get("delete")
        for each in objects(resource)
    ]
    return tuple(each for each in found if each.kind not in _TOO_LARGE)


def objects(resource: dict[str, Value]) -> Iterator[Declared]:
    """Return the objects of one resource of a state: its own, or those of a Helm release."""
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
        inputs=_with_replicas(_as_stored(inputs)),
        outputs=outputs,
        manager=text(Path(("f:__fieldManager",)).read(outputs)),
    )


def _with_replicas(inputs: Value) -> Value:
    """Inputs with the number of Pods that was declared, which the state forgets while somebody else owns it."""
    count = text(Path(("f:metadata", "f:annotations", f"f:{replicas.DECLARED}")).read(inputs))
    if not isinstance(inputs, dict) or not isinstance(spec := inputs.get("spec"), dict) or not count.isdecimal():
        return inputs
    return {**inputs, "spec": {**spec, "replicas": int(count)}}


def _as_stored(inputs: Value) -> Value:
    """Inputs with the `stringData` of a Secret moved to `data`, as the API server does."""
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
                # Without a namespace, a namespaced kind goes to that of the release.
                namespaces=(namespace,) if namespace else ("", home),
                name=name,
                release=release,
            )
