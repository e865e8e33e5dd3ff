"""The objects that the state of a stack lists."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.core import paths
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.ports import Ports
from lab.services.drift import state as declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.adapters.stack import Stack
    from lab.services.drift.state import Declared

_RELEASE = "kubernetes:helm.sh/v3:Release"
_STACK = "pulumi:pulumi:Stack"
_EMBEDDED = "pulumi-python:dynamic/embedded:"
"""Before the types of this machine's processes."""

Resource = dict[str, Any]
"""A resource of a state, as Pulumi writes it."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """An object that should be in the cluster.

    Attributes:
        object: which.
        urn: of its resource, or of that of its Helm release.
        uid: that the cluster gave it; empty for an object of a Helm release.
    """

    object: Declared
    urn: str
    uid: str = ""

    @property
    def title(self) -> str:
        """Its kind and name for people."""
        namespace = self.object.namespaces[0]
        return f"{self.object.kind} {namespace}{'/' if namespace else ''}{self.object.name}"

    @property
    def words(self) -> str:
        """Its kind and name for kubectl."""
        namespace = self.object.namespaces[-1] if self.object.namespaces[0] else ""
        return f"{self.object.kind.lower()} {self.object.name}" + (f" --namespace {namespace}" if namespace else "")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A Helm release that should be in the cluster."""

    urn: str
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"the Helm release {self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """All that a state says there is.

    Attributes:
        objects: of the cluster.
        releases: of Helm.
        processes: the outputs of those on this machine, by the last word of their types.
        page: the address of Bookinfo, if there is one.
    """

    objects: tuple[Expected, ...]
    releases: tuple[Release, ...]
    processes: Mapping[str, Resource]
    page: str


def read(stack: Stack) -> Expectation:
    """Read the state of a stack: its file, if that can be read, since asking pulumi takes as long as an empty update.

    Raises:
        LabError: the state cannot be had, or has a form that is not known.
    """
    try:
        held = json.loads(stack.state_file.read_text(encoding="utf-8"))
        return of(held["checkpoint"]["latest"]["resources"])
    except (OSError, ValueError, LookupError, TypeError):
        exported = stack.state()
    return of((json.loads(exported)["deployment"].get("resources") or ()) if exported else ())


def of(resources: Sequence[Resource]) -> Expectation:
    """Return what the resources of a state are in the cluster and on this machine."""
    own = [each for each in resources if not each.get("external") and not each.get("delete")]
    return Expectation(
        objects=tuple(
            Expected(object=found, urn=str(each["urn"]), uid="" if found.release else _uid(each))
            for each in own
            for found in declared.objects(each)
        ),
        releases=tuple(
            Release(
                urn=str(each["urn"]), namespace=str(each["outputs"]["namespace"]), name=str(each["outputs"]["name"])
            )
            for each in own
            if each["type"] == _RELEASE
        ),
        processes={
            str(each["type"]).removeprefix(_EMBEDDED): each["outputs"]
            for each in own
            if str(each["type"]).startswith(_EMBEDDED)
        },
        page=next(
            (str((each.get("outputs") or {}).get("bookinfoUrl", "")) for each in own if each["type"] == _STACK), ""
        ),
    )


def control_plane(outputs: Resource) -> ControlPlane:
    """Return the control plane that a process of this machine is, or is beside."""
    return ControlPlane(
        directory=paths.PROJECT / Path(outputs["directory"]),
        ports=Ports.of({name: int(port) for name, port in outputs["ports"].items()}),
    )


def _uid(resource: Resource) -> str:
    metadata = (resource.get("outputs") or {}).get("metadata") or {}
    return str(metadata.get("uid") or "")
