"""The state of a stack in the project's own backend, as the unit tests write it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from lab.core import paths
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from lab.adapters.stack import Stack

GROUP = {"urn": "group", "type": "azure-native:resources:ResourceGroup"}
"""A resource that costs money."""


def plane(stack: Stack) -> dict[str, object]:
    """The embedded control plane of a stack, of which nothing need be there."""
    outputs = {"directory": str(stack.directory), "ports": asdict(Ports.allocate())}
    return {"urn": "plane", "type": "pulumi-python:dynamic/embedded:ControlPlane", "outputs": outputs}


def keep(stack: Stack, *resources: object) -> None:
    """Write the stack's state."""
    content = {"version": 3, "checkpoint": {"stack": stack.name, "latest": {"resources": resources}}}
    (paths.stacks_dir() / f"{stack.name}.json").write_text(json.dumps(content))
