"""Records for the audit of a destroyed lab, whose state is empty.

They are in `.lab/audit`, which `down` keeps: the baseline of an existing cluster, and the lab as it was before `down`.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from lab.adapters import files
from lab.core import paths
from lab.core.errors import LabError
from lab.services.audit import inventory
from lab.services.audit.inventory import Inventory
from lab.settings import Settings, Target

if TYPE_CHECKING:
    from pathlib import Path

    from lab.adapters.stack import Stack

T = TypeVar("T")

_NAMED = 3
"""Resources that are named before the rest is only counted."""

TEMPORARY = "kubeconfig*"
"""Temporary files of Pulumi's provider with credentials."""

_LISTENING = ("pulumi-python:dynamic/embedded:ControlPlane", "pulumi-python:dynamic/kubeconfig:ExistingCluster")
"""Resources with processes on this machine, whose outputs have the ports."""

_GROUP = "azure-native:resources:ResourceGroup"
_CLUSTER = "azure-native:containerservice:ManagedCluster"
_IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


@dataclass(frozen=True, kw_only=True)
class LabRecord:
    """State of a lab when it was last taken down.

    Attributes:
        server: address of its API server.
        groups: Azure resource groups, that of the nodes included.
        principals: object ids of its managed identities.
    """

    server: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    subscription: str = ""
    groups: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


def before_up(stack: Stack) -> None:
    """Record the baseline of an existing cluster, unless the lab is in it already.

    A cluster that does not answer and wrong settings are ignored: the program reports them.
    """
    if stack.target != Target.KUBECONFIG or resources(stack.export()):
        return
    with contextlib.suppress(LabError):
        chosen = Settings.from_mapping(stack.config(), source=stack.file.name).kubeconfig
        _write(_baseline(stack), inventory.take(chosen))


def before_down(stack: Stack, state: str) -> None:
    """Record the lab by its exported state; the last record stays if that is already empty."""
    if resources(state):
        _write(_last(stack), of(state, server=_server(stack.kubeconfig)))


def require_empty(stack: Stack) -> None:
    """Compare what the engine said with its state: some of its settings have it succeed without doing anything.

    Raises:
        LabError: the state of a stack that was taken down still has resources.
    """
    left = resources(state) if (state := stack.state()) is not None else []
    if left:
        shown = ", ".join(left[:_NAMED]) + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")
        raise LabError(
            f"pulumi ended well, but the state of stack {stack.name} still has {shown}",
            f"take them down again: make down{stack.suffix}",
        )


def sweep(stack: Stack) -> None:
    """Delete credentials that Pulumi's provider left in temporary files."""
    for file in kubeconfigs(stack):
        file.unlink(missing_ok=True)


def kubeconfigs(stack: Stack) -> list[Path]:
    """Temporary files with credentials of the stack's last cluster."""
    record = last(stack)
    if record is None or not record.server:
        return []
    return [file for file in sorted(paths.temporary_dir().glob(TEMPORARY)) if _server(file) == record.server]


def baseline(stack: Stack) -> Inventory | None:
    """The recorded baseline of the cluster, if any."""
    return _read(Inventory, _baseline(stack))


def last(stack: Stack) -> LabRecord | None:
    """The last record of the lab, if any."""
    return _read(LabRecord, _last(stack))


def resources(state: str) -> list[str]:
    """Logical names of the resources in an exported state, without providers and components."""
    return [str(each["urn"]).rpartition("::")[2] for each in _custom_resources(state)]


def of(state: str, *, server: str) -> LabRecord:
    """The record of an exported state; the address of the API server is secret there, so it is given."""
    found = _custom_resources(state)

    def outputs(*kinds: str) -> list[dict[str, Any]]:
        return [each.get("outputs") or {} for each in found if each["type"] in kinds]

    groups = [str(each.get("id", "")) for each in found if each["type"] == _GROUP]
    return LabRecord(
        server=server,
        ports={
            name: int(port) for each in outputs(*_LISTENING) for name, port in (each.get("ports") or {}).items() if port
        },
        subscription=next((each.split("/")[2] for each in groups), ""),
        groups=(
            *(each.rpartition("/")[2] for each in groups),
            *(str(each["nodeResourceGroup"]) for each in outputs(_CLUSTER) if each.get("nodeResourceGroup")),
        ),
        principals=tuple(str(each["principalId"]) for each in outputs(_IDENTITY) if each.get("principalId")),
    )


def _custom_resources(state: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(state)["deployment"].get("resources") or []
        # Providers, components and the stack itself create nothing.
        return [each for each in found if each.get("custom") and not str(each["type"]).startswith("pulumi:")]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise LabError("the stack's state cannot be read", "pulumi stack export") from None


def _server(kubeconfig: Path) -> str:
    """Address of the API server in a kubeconfig; empty if it cannot be read."""
    try:
        return str(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError):
        return ""


def _baseline(stack: Stack) -> Path:
    return paths.home() / "audit" / f"{stack.name}.baseline.json"


def _last(stack: Stack) -> Path:
    return paths.home() / "audit" / f"{stack.name}.json"


def _write(file: Path, content: Inventory | LabRecord) -> None:
    files.folder(file.parent)
    files.write(file, json.dumps(asdict(content)))


def _read(kind: type[T], file: Path) -> T | None:
    try:
        return TypeAdapter(kind).validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
