"""Watches of the API server, by kubectl."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from lab.adapters import environment, kubectl, process_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_log = logging.getLogger(__name__)

Change: TypeAlias = tuple[str, dict[str, Any]]
"""`ADDED`, `MODIFIED` or `DELETED`, and the object."""

_WATCH_TIMEOUT = 3600
"""Seconds after which the API server ends a watch, which is then started again."""

_RESTART_DELAY = 1.0
"""Seconds before a watch that broke is started again."""


async def changes(kubeconfig: Path, path: str) -> AsyncIterator[list[Change]]:
    """Yield every object, then every change; an object that vanished between two watches is `DELETED` as well."""
    known: dict[str, dict[str, Any]] = {}
    while True:
        initial: dict[str, dict[str, Any]] | None = {}
        async for kind, item in _events(kubeconfig, path):
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


async def _events(kubeconfig: Path, path: str) -> AsyncIterator[Change]:
    """Run one watch; it ends when the API server or its connection does."""
    query = (
        f"{path}?watch=1&timeoutSeconds={_WATCH_TIMEOUT}"
        "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    )
    command = kubectl.command(kubeconfig, "get", "--raw", query)
    variables = kubectl.variables(environment.SERVER)
    async with contextlib.aclosing(process_async.lines(command, environment=variables)) as lines:
        try:
            async for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
        except ValueError as error:  # a line that is cut, or longer than any object
            _log.warning("the watch of %s broke: %s", path, error)
