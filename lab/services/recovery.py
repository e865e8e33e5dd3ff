"""Recovery of a stack whose update was killed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lab.adapters import kubectl, process_tree
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.adapters.locks import Lock
    from lab.adapters.stack import Stack


_RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, kw_only=True)
class HelmRelease:
    """One revision of a Helm release, with the Secret that stores it; `status` is such as `pending-install`."""

    secret: str
    namespace: str
    name: str
    status: str

    @property
    def id(self) -> str:
        """The release as Pulumi calls it."""
        return f"{self.namespace}/{self.name}"


def recover(stack: Stack, say: Callable[[str], None]) -> None:
    """Make a stack ready for the next `up`. Each step reports what it found; a healthy stack is not changed.

    Raises:
        LabError: an update of the stack still runs.
    """
    release(stack, say)
    if ended := end_orphans():
        say(f"ending {ended} plugin processes that the killed engine left")
    resources, forgotten = _without_pending(stack)
    if forgotten:
        say(f"removing {forgotten} pending operations from the state; the next up repeats them")
    if plane := _control_plane(resources):
        _mend_cluster(plane, known_releases(resources), say)


def release(stack: Stack, say: Callable[[str], None], *, wait: Callable[[Lock], object] | None = None) -> bool:
    """Break the lock that a killed update left, and return whether there was one.

    Args:
        stack: its lock is read where its backend allows that.
        say: reports what is done.
        wait: called with the lock of a process that still works, to wait for it; without it that is an error at once.

    Raises:
        LabError: an update of the stack still runs.
    """
    held = stack.lock()
    if held and held.alive and wait:
        wait(held)
        held = stack.lock()
    if held and held.alive:
        raise LabError(f"{held.holder} has worked on stack {stack.name} since {held.since}", stack.patience(held))
    if held:
        say(f"breaking the lock of {held.holder}, which is gone")
        stack.cancel()
    return held is not None


def end_orphans() -> int:
    """End the plugins that a killed engine left, and return their number."""
    found = _orphans()
    process_tree.stop(found)
    return len(found)


def half_done(stack: Stack) -> bool:
    """Check for pending operations in the state.

    It reads the file of a file backend. Elsewhere it says no, since asking pulumi takes as long as an empty update.
    """
    stack.require_readable()
    found = stack.files
    return found is not None and found.file.is_file() and found.read().pending > 0


def forget_pending(stack: Stack) -> int:
    """Remove the pending operations from the state, and return their number; the next update repeats them."""
    _, forgotten = _without_pending(stack)
    return forgotten


def _without_pending(stack: Stack) -> tuple[list[dict[str, Any]], int]:
    """Remove the pending operations; return the resources and the number of operations."""
    state = json.loads(stack.export())
    pending = state["deployment"].pop("pending_operations", None) or []
    if pending:
        stack.import_(json.dumps(state))
    return state["deployment"].get("resources", []), len(pending)


def known_releases(resources: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the releases in a state; a component that has one in it may have its name, and counts not."""
    return {str(entry.get("id", "")) for entry in resources if entry["type"] == _RELEASE}


def superfluous(found: list[HelmRelease], known: set[str]) -> list[HelmRelease]:
    """Select the revisions that block an update, given the ids of those that are in Pulumi's state.

    One that Pulumi does not know blocks its name; one that is pending blocks every change. The objects of the release
    stay: they carry its name and are taken over by the next installation.
    """
    return [release for release in found if release.id not in known or release.status.startswith("pending-")]


def _mend_cluster(plane: ControlPlane, known: set[str], say: Callable[[str], None]) -> None:
    plane.require_data()
    if not plane.healthy:
        say("starting what is down of the embedded control plane")
        plane.start()
    for release in superfluous(_helm_releases(plane), known):
        say(f"forgetting the half-done Helm release {release.name} ({release.status})")
        kubectl.run(plane.kubeconfig, "delete", "secret", release.secret, "--namespace", release.namespace)


def control_plane(stack: Stack) -> ControlPlane | None:
    """Return the embedded control plane in a stack's state, if any."""
    return embedded(json.loads(stack.export()))


def embedded(state: dict[str, Any]) -> ControlPlane | None:
    """Return the embedded control plane in an exported state, if any."""
    return _control_plane((state["deployment"] or {}).get("resources") or [])


def _helm_releases(plane: ControlPlane) -> list[HelmRelease]:
    listing = json.loads(kubectl.run(plane.kubeconfig, "get", "secrets", "-A", "-l", "owner=helm", "-o", "json"))
    metadata = [item["metadata"] for item in listing["items"]]
    return [
        HelmRelease(
            secret=entry["name"],
            namespace=entry["namespace"],
            name=entry["labels"]["name"],
            status=entry["labels"]["status"],
        )
        for entry in metadata
    ]


def _control_plane(resources: list[dict[str, Any]]) -> ControlPlane | None:
    """Find the embedded control plane among the resources of a state."""
    for entry in resources:
        if entry["type"] == "pulumi-python:dynamic/embedded:ControlPlane":
            ports = {name: int(port) for name, port in entry["outputs"]["ports"].items()}
            return ControlPlane(directory=paths.PROJECT / Path(entry["outputs"]["directory"]), ports=Ports(**ports))
    return None


def _orphans() -> list[psutil.Process]:
    """Find this project's language hosts and providers without an engine, with their children.

    The lab's own servers stay: they are children of the provider that started them for as long as it lives.
    """
    stacks = str(paths.home().absolute() / "stacks")
    roots = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if _is_plugin(process) and not _has_engine(process)
    ]
    relatives = (relative for root in roots for relative in (root, *root.children(recursive=True)))
    return [each for each in relatives if not any(stacks in word for word in _command_line(each))]


def _is_plugin(process: psutil.Process) -> bool:
    command, folder = process.info["cmdline"] or [], process.info["cwd"]
    ours = (str(paths.bin_dir() / "pulumi-"), str(paths.pulumi_home() / "plugins"))
    if any(word.startswith(ours) for word in command):
        return True
    # A pulumi of the user's own has its plugins elsewhere; they work in the project's folder.
    named = any(Path(word).name.startswith("pulumi-") for word in command[:2])
    return named and folder is not None and Path(folder).is_relative_to(paths.PROJECT)


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _has_engine(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and parent.name() == "pulumi"
