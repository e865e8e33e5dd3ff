"""What is written down about a lab, so that its end can be proven when its state knows nothing any more.

In `.lab/audit`, which `down` leaves alone: what a cluster had before the lab came, and what a lab was before it went.
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
    from lab.settings.groups import Kubeconfig

T = TypeVar("T")

TEMPORARY = "kubeconfig*"
"""What Pulumi's provider calls its temporary files with credentials."""

_LISTENING = ("pulumi-python:dynamic/embedded:ControlPlane", "pulumi-python:dynamic/kubeconfig:ExistingCluster")
"""What has processes on this machine, and knows their ports."""

_GROUP = "azure-native:resources:ResourceGroup"
_CLUSTER = "azure-native:containerservice:ManagedCluster"
_IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a lab was, by its state, when it was last taken down.

    Attributes:
        server: address of its API server.
        ports: where it listened on this machine, by their names.
        subscription: where on Azure it stood.
        groups: the resource groups on Azure: its own, and that of its nodes.
        principals: what its managed identities are called in the directory.
    """

    server: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    subscription: str = ""
    groups: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


def before_up(stack: Stack) -> None:
    """Write down what an existing cluster has, unless the lab is in it already.

    A cluster that does not answer, and settings that are wrong, are the program's to complain about.
    """
    if stack.target != Target.KUBECONFIG or standing(stack.export()):
        return
    with contextlib.suppress(LabError):
        _write(_baseline(stack), json.dumps(asdict(inventory.take(chosen_cluster(stack)))))


def before_down(stack: Stack) -> None:
    """Write down what the lab is, as long as its state knows; of one that is gone, the last record stays."""
    state = stack.export()
    if standing(state):
        _write(_last(stack), json.dumps(asdict(of(state, server=_server(stack.kubeconfig)))))


def sweep(stack: Stack) -> None:
    """Delete the stack's credentials that Pulumi's provider left in temporary files."""
    for file in kubeconfigs(stack):
        file.unlink(missing_ok=True)


def kubeconfigs(stack: Stack) -> list[Path]:
    """Temporary files with credentials for the stack's last cluster."""
    record = last(stack)
    if record is None or not record.server:
        return []
    return [file for file in sorted(paths.temporary_dir().glob(TEMPORARY)) if _server(file) == record.server]


def baseline(stack: Stack) -> Inventory | None:
    """What the cluster had before the lab came; None when nobody wrote it down."""
    return _read(Inventory, _baseline(stack))


def last(stack: Stack) -> Record | None:
    """What the lab was when it was last taken down; None when nobody wrote it down."""
    return _read(Record, _last(stack))


def standing(state: str) -> list[str]:
    """The logical names of what a state knows, but for what is only Pulumi's own.

    Args:
        state: the output of `pulumi stack export`.

    Raises:
        LabError: it is something else.
    """
    return [str(each["urn"]).rpartition("::")[2] for each in _resources(state)]


def of(state: str, *, server: str) -> Record:
    """What a state says that the audit asks for later.

    Args:
        state: the output of `pulumi stack export`.
        server: address of the API server, which a state has as a secret only.

    Raises:
        LabError: it is something else.
    """
    found = _resources(state)

    def outputs(*kinds: str) -> list[dict[str, Any]]:
        return [each.get("outputs") or {} for each in found if each["type"] in kinds]

    groups = [str(each.get("id", "")) for each in found if each["type"] == _GROUP]
    return Record(
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


def chosen_cluster(stack: Stack) -> Kubeconfig:
    """The existing cluster that a stack's settings name.

    Raises:
        LabError: a setting is wrong.
    """
    return Settings.from_mapping(stack.config(), source=stack.file.name).kubeconfig


def _resources(state: str) -> list[dict[str, Any]]:
    try:
        resources = json.loads(state)["deployment"].get("resources") or []
        # Providers and the stack itself stand nowhere; a component is only a name for what is in it.
        return [each for each in resources if each.get("custom") and not str(each["type"]).startswith("pulumi:")]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise LabError("the stack's state cannot be read", "pulumi stack export") from None


def _server(kubeconfig: Path) -> str:
    """The address of the API server; empty for a file that is none, or not there."""
    try:
        return str(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError):
        return ""


def _baseline(stack: Stack) -> Path:
    return paths.home() / "audit" / f"{stack.name}.baseline.json"


def _last(stack: Stack) -> Path:
    return paths.home() / "audit" / f"{stack.name}.json"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(file, text)


def _read(kind: type[T], file: Path) -> T | None:
    try:
        return TypeAdapter(kind).validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
