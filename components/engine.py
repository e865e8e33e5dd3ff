"""Working side by side with the engine, which hears of a resource only when the program pauses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi

_HEARD = 0.02
"""Seconds until the children of a component that has its name are on their way to the engine."""


async def begin(urn: pulumi.Output[str]) -> None:
    """Let the engine begin with a component while the program declares, and mostly imports, the ones after it.

    Without a pause everything is sent when the program has come to its end: with the embedded platform, whose provider
    takes half a second to start, a preview then takes half a second more.

    Args:
        urn: the component's; it is known as soon as the engine has heard of the component.
    """
    await urn.future()
    await asyncio.sleep(_HEARD)
