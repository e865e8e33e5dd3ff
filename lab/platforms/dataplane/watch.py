"""Watches of the API server."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from lab.platforms.dataplane.api import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_log = logging.getLogger(__name__)

Change: TypeAlias = tuple[str, dict[str, Any]]
"""`ADDED`, `MODIFIED` or `DELETED`, and the object."""

_PARAMETERS = {
    "watch": "1",
    "timeoutSeconds": "3600",  # after which the API server ends a watch, which is then started again
    "sendInitialEvents": "true",
    "allowWatchBookmarks": "true",
    "resourceVersionMatch": "NotOlderThan",
}

_PATIENT = httpx.Timeout(TIMEOUT, read=None)
"""Nothing may happen in a cluster for hours."""

_RESTART_DELAY = 1.0
"""Seconds before a watch that broke is started again."""


async def changes(client: httpx.AsyncClient, path: str) -> AsyncGenerator[list[Change], None]:
    """Yield every object, then every change; an object that vanished between two watches is `DELETED` as well."""
    known: dict[str, dict[str, Any]] = {}
    while True:
        initial: dict[str, dict[str, Any]] | None = {}
        async for kind, item in _events(client, path):
            if kind == "BOOKMARK":
                if initial is not None:  # the end of the initial list
                    gone = [("DELETED", each) for uid, each in known.items() if uid not in initial]
                    known, initial = initial, None
                    yield [*gone, *(("ADDED", each) for each in known.values())]
                continue
            uid = item["metadata"]["uid"]
            if initial is not None:
                initial[uid] = item
                continue
            known[uid] = item
            if kind == "DELETED":
                del known[uid]
            yield [(kind, item)]
        await asyncio.sleep(_RESTART_DELAY)


async def _events(client: httpx.AsyncClient, path: str) -> AsyncIterator[Change]:
    """Run one watch; it ends when the API server or its connection does."""
    try:
        async with client.stream("GET", path, params=_PARAMETERS, timeout=_PATIENT) as answer:
            async for line in answer.raise_for_status().aiter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
    except httpx.TransportError:
        return  # the API server is gone, or starts again
    except (httpx.HTTPStatusError, ValueError) as error:  # a line that was cut is not JSON
        _log.warning("the watch of %s broke: %s", path, error)
