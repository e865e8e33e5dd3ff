"""Which platform the settings ask for: the only place that looks at the target's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import paths, versions

if TYPE_CHECKING:
    from components.platform.base import Platform
    from lab.settings import Settings


def select(settings: Settings, stack: str) -> Platform:
    """Make the platform of the settings' target.

    A platform's module is imported only when it is asked for: Azure's classes alone cost half a second.

    Args:
        settings: the lab's settings.
        stack: name of the stack, which separates labs on one machine.
    """
    from components.platform.embedded import Embedded, EmbeddedArgs
    from lab.embedded.nodes import NodeSpec

    nodes = settings.nodes
    args = EmbeddedArgs(
        directory=paths.relative(paths.stack_dir(stack)),
        version=versions.KUBERNETES,
        nodes=NodeSpec(count=nodes.count, zones=nodes.zones, cpu=nodes.cpu, memory=nodes.memory),
    )
    return Embedded("embedded", args)
