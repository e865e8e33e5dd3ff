"""Recovery of a stack whose update was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lab.adapters import process_tree
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded import kwokctl
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.ports import Ports
from lab.services import half_made

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.adapters.locks import Lock
    from lab.adapters.stack import Stack


def recover(stack: Stack, say: Callable[[str], None]) -> None:
    """Make a stack ready for the next `up`. Each step reports what it found; a healthy stack is not changed.

    Raises:
        LabError: an update of the stack still runs.
    """
    settle(stack, say)
    resources, forgotten = _without_pending(stack, remake=True)
    if forgotten:
        say(f"an update was killed with {forgotten} pending operations, which the next up repeats")
    if plane := _control_plane(resources):
        _mend_cluster(plane, say)


def settle(stack: Stack, say: Callable[[str], None]) -> None:
    """Have nothing of a killed command work on the stack any more.

    Raises:
        LabError: an update of the stack still runs.
    """
    half_made.wait_for_engine(stack, say)
    release(stack, say)
    if ended := end_orphans():
        say(f"ending {ended} plugin processes that the killed engine left")


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
        raise LabError(f"{held.holder} has worked on stack {stack.name} since {held.since}", held.patience(stack.name))
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
    _, forgotten = _without_pending(stack, remake=False)
    return forgotten


def _without_pending(stack: Stack, *, remake: bool) -> tuple[list[dict[str, Any]], int]:
    """Remove the pending operations; return the resources and the number of operations."""
    state = json.loads(stack.export())
    state["deployment"], pending = half_made.without_pending(state["deployment"], remake=remake)
    if pending:
        stack.import_(json.dumps(state))
    return state["deployment"].get("resources", []), pending


def _mend_cluster(plane: ControlPlane, say: Callable[[str], None]) -> None:
    plane.require_data()
    if not plane.healthy:
        say("starting what is down of the embedded control plane")
        plane.start()


def control_plane(stack: Stack) -> ControlPlane | None:
    """Return the embedded control plane in a stack's state, if any."""
    return embedded(json.loads(stack.export()))


def embedded(state: dict[str, Any]) -> ControlPlane | None:
    """Return the embedded control plane in an exported state, if any."""
    return _control_plane((state.get("deployment") or {}).get("resources") or [])


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
    return [each for each in relatives if _is_maker(each) or not any(stacks in word for word in _command_line(each))]


def _is_maker(process: psutil.Process) -> bool:
    """Check that it starts the lab's servers; one that a killed provider left would go on doing so."""
    return any(Path(word).name == kwokctl.NAME for word in _command_line(process)[:1])


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
    # A program is the child of its language host.
    try:
        return any(parent.name() == "pulumi" for parent in process.parents())
    except psutil.NoSuchProcess:
        return False
