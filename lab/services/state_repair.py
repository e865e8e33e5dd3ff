"""Repair of what Pulumi keeps of a stack on this machine: dead locks, a broken or lost state."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from lab.adapters import backend, locks
from lab.adapters.checkpoints import UnreadableError
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded import remains
from lab.services import recovery

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.adapters.checkpoints import Checkpoint
    from lab.adapters.stack import Stack
    from lab.adapters.state_files import StateFiles

_AZURE = "azure-native:"


def require_sound(stack: Stack, say: Callable[[str], None]) -> None:
    """Refuse a stack that is in use, or whose state or data is broken; break the lock of an update that was killed.

    Raises:
        LabError: with the command that leads on.
    """
    stack.require_idle()
    stack.require_readable()
    if recovery.release(stack, say):
        recovery.end_orphans()
    require_data(stack)


def require_data(stack: Stack) -> None:
    """Refuse a stack whose embedded control plane has lost its data.

    Raises:
        LabError: everything that stood in the cluster is lost.
    """
    if (found := _checkpoint(stack)) and (plane := recovery.embedded(json.loads(found.exported))) and not plane.exists:
        raise LabError(
            f"the data of the embedded control plane in {plane.directory} is gone, and what was made in it is lost",
            f"take down what is left and begin anew: make down{stack.suffix} && make up{stack.suffix}",
        )


def require_passphrase(stack: Stack) -> None:
    """Refuse a passphrase that is not the stack's; whatever else is wrong with its settings, the engine says.

    Raises:
        LabError: with the passphrase that does not fit.
    """
    try:
        stack.require_secrets()
    except backend.BackendError:
        raise
    except LabError:
        pass


def has_vanished(stack: Stack) -> bool:
    """Check that a lab was on this machine alone and nothing of it is left, as after a `down` that was killed."""
    if stack.in_use() or not stack.files or not is_only_here(stack) or (found := _checkpoint(stack)) is None:
        return False
    plane = recovery.embedded(json.loads(found.exported))
    if plane is None or any(plane.directory.glob("*")):
        return False
    # Servers that still run had data: somebody has moved or deleted it.
    return not any(each.own for each in remains.find(plane.directory))


def unanswered(stack: Stack, cause: str) -> LabError:
    """Return the error for a cluster that does not answer, with the command that leads on.

    Args:
        stack: it stood, by what is on this machine.
        cause: why the question failed.
    """
    try:
        require_data(stack)
        if _has_pulumi() and _checkpoint(stack):
            require_passphrase(stack)
    except LabError as lost:
        return lost
    remedy = f"see whether it is stopped: lab status --stack {stack.name}; else: " * (stack.target == "azure")
    return LabError(f"the cluster of stack {stack.name} does not answer: {cause}", f"{remedy}make up{stack.suffix}")


def restore(stack: Stack, say: Callable[[str], None]) -> None:
    """Restore a broken or lost state from the newest copy that Pulumi has kept, and say what that leaves out.

    Raises:
        LabError: there is no copy, or somebody works on the stack.
    """
    if (damage := stack.damage()) is None or stack.files is None:
        return
    stack.require_idle()
    if damage.backup is None:
        raise damage.error(stack.name, stack.suffix)
    say(f"the state of stack {stack.name} cannot be used, {damage.file}: {damage.cause}")
    kept = stack.files.restore(damage.backup)
    say(f"restoring it from {damage.backup.described}, with {damage.backup.resources} resources")
    say("nothing is lost but what an update did after that; the next up does it again")
    if kept:
        say(f"the broken file is kept as {kept}")


def forget(stack: Stack, say: Callable[[str], None]) -> None:
    """Forget the state of a lab that was on this machine alone and was removed from it."""
    if stack.files and (kept := stack.files.forget()):
        say(f"the state of stack {stack.name} is no longer used, and is kept as {kept}")


def is_lost(stack: Stack) -> bool:
    """Check that a lab is on this machine alone, and that Pulumi has no usable state of it."""
    damage = stack.damage()
    return damage is not None and damage.only_here and damage.backup is None and not stack.in_use()


def has_lost_pulumi(stack: Stack) -> bool:
    """Check that a lab is on this machine alone, and that its tools are gone; bringing them takes minutes."""
    return not _has_pulumi() and is_only_here(stack) and not stack.in_use()


def release_for_removal(stack: Stack, say: Callable[[str], None]) -> None:
    """Break a dead lock where nothing can be left behind: what the killed update made is removed with the lab.

    Raises:
        LabError: the stack is in use, or has to be recovered first.
    """
    if is_only_here(stack):
        if recovery.release(stack, say):
            recovery.end_orphans()
        if recovery.half_done(stack):
            recovery.forget_pending(stack)
    stack.require_unlocked()


def is_only_here(stack: Stack) -> bool:
    """Check that everything of a stack whose state can be read is on this machine."""
    if stack.target != "embedded" or (found := _checkpoint(stack)) is None:
        return False
    return not any(each.startswith((_AZURE, "pulumi-python:dynamic/kubeconfig:")) for each in found.types)


def require_cleanable(files: StateFiles) -> None:
    """Refuse to delete a state that somebody works on, or that has resources on Azure.

    Raises:
        LabError: with what to do first.
    """
    held = locks.held(files.locks, here="")
    if held and held.alive:
        raise LabError(f"stack {files.stack} is in use by {held.holder} since {held.since}", held.patience(files.stack))
    if _knows_azure(files):
        raise on_azure(files.stack)


def on_azure(stack: str) -> LabError:
    """Return the error for a stack that would go on costing money unseen."""
    return LabError(f"stack {stack} still has resources on Azure", f"make down STACK={stack}")


def _knows_azure(files: StateFiles) -> bool:
    """Check for resources on Azure in a state, or in its newest copy if it is broken."""
    with contextlib.suppress(UnreadableError):
        return any(each.startswith(_AZURE) for each in files.read().types)
    if found := files.backup():
        return any(each.startswith(_AZURE) for each in found.types)
    return files.mentions(f'"{_AZURE}'.encode())


def _has_pulumi() -> bool:
    return (paths.bin_dir() / "pulumi").is_file()


def _checkpoint(stack: Stack) -> Checkpoint | None:
    try:
        return stack.files.read() if stack.files else None
    except UnreadableError:
        return None
