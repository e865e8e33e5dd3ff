"""Threads for what resource hooks wait for.

The SDK waits for the engine's answer to each registered resource in a thread of the event loop's own few, and the
engine answers when the hooks of that resource are done: a hook that needed one of those threads could wait for ever.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

_POOL = ThreadPoolExecutor(8, thread_name_prefix="hook")


async def run(work: Callable[[], _T]) -> _T:
    """Run what blocks, and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)
