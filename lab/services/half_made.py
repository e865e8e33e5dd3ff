"""Remains of a killed update: an engine that goes on, and operations of unknown result."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

import psutil

from lab.core.wait import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.adapters.stack import Stack

_PATIENCE = 900.0
"""Seconds that an engine without its command may go on; on Azure a cluster takes ten minutes."""

_MADE_AGAIN = ("kubernetes:", "pulumi-python:dynamic/")
"""The types whose creation takes over, or removes, what is there already."""

_INIT = 1
"""The process that inherits those whose parent has ended, unless their session has one of its own."""


def wait_for_engine(stack: Stack, say: Callable[[str], None]) -> None:
    """Wait for the engine of a command that was killed: it goes on by itself, and its work is not lost.

    An engine whose command still runs is not waited for, nor one that was stopped.
    """
    held = stack.lock()
    if held and held.alive and not held.host and not held.frozen and _is_orphan(held.pid):
        say(f"waiting for process {held.pid}, which goes on with the update of a command that was killed")
        poll(lambda: not stack.in_use(), timeout=_PATIENCE, interval=0.5)


def without_pending(deployment: dict[str, Any], *, remake: bool) -> tuple[dict[str, Any], int]:
    """Return a deployment without its pending operations, and their number.

    Args:
        deployment: of an exported state.
        remake: an `up` follows. It creates and changes again what was being created or changed. What was being deleted
            may be gone or not, and it would take that for unchanged: it goes from the state, to be created again.
    """
    settled = copy.deepcopy(deployment)
    pending = settled.pop("pending_operations", None) or []
    resources: list[dict[str, Any]] = settled.get("resources", [])
    for operation in pending:
        entry = operation["resource"]
        others = [each for each in resources if not _same(each, entry)]
        if (
            remake
            and operation["type"] == "deleting"
            and entry["type"].startswith(_MADE_AGAIN)
            and entry["urn"] not in _named(others)
        ):
            resources = settled["resources"] = others
    return settled, len(pending)


def _is_orphan(pid: int) -> bool:
    try:
        parent = psutil.Process(pid).ppid()
        return parent <= _INIT or os.getsid(parent) != os.getsid(pid)
    except (psutil.Error, OSError):
        return False


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("urn", "id", "delete"))


def _named(resources: Iterable[dict[str, Any]]) -> set[str]:
    """Return the URNs that other resources name, since the engine refuses a state in which one of them is missing."""
    found: set[str] = set()
    for each in resources:
        found |= {each.get("parent", ""), each.get("deletedWith", ""), each.get("provider", "").rpartition("::")[0]}
        found.update(each.get("dependencies") or ())
        for urns in (each.get("propertyDependencies") or {}).values():
            found.update(urns or ())
    return found
