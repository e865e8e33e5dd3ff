"""Putting a stack right whose update was killed in the middle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil

from lab import paths
from lab.embedded import processes
from lab.embedded.control_plane import ControlPlane
from lab.errors import LabError

if TYPE_CHECKING:
    from rich.console import Console

    from lab.stack import Stack


def recover(stack: Stack, console: Console) -> None:
    """Make a stack ready for the next `up`. Each step says what it found; a healthy stack is left as it is.

    Raises:
        LabError: an update of the stack still runs.
    """
    held = stack.lock()
    if held and held.alive:
        raise LabError(f"process {held.pid} still works on stack {stack.name}", "end it with Ctrl-C in its terminal")
    if held:
        console.print(f"breaking the lock of process {held.pid}, which is gone")
        stack.cancel()
    _end_orphans(console)
    state = json.loads(stack.export())
    if pending := state["deployment"].pop("pending_operations", None):
        console.print(f"forgetting {len(pending)} half-done operations; the next up does them again")
        stack.import_(json.dumps(state))


def _end_orphans(console: Console) -> None:
    """End the language host and the providers that a killed engine left behind; they run from this project's folder."""
