"""Watches of the API server: every object first, then every change, over breaks of the connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.platforms.dataplane import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from lab.platforms.dataplane.watch import Change

BOOKMARK = json.dumps({"type": "BOOKMARK", "object": {"kind": "Pod"}})
EXPIRED = json.dumps({"type": "ERROR", "object": {"code": 410}})


def event(kind: str, name: str) -> str:
    return json.dumps({"type": kind, "object": {"metadata": {"uid": name}}})


class Watches(httpx.AsyncBaseTransport):
    """An API server that answers one watch after the other with the given lines, and then breaks its connection."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, content=self._lines(self.answers.pop(0)))

    async def _lines(self, lines: Iterable[str]) -> AsyncIterator[bytes]:
        for line in lines:
            half = len(line) // 2  # a line may come in pieces
            yield line[:half].encode()
            yield f"{line[half:]}\n".encode()
        if not self.answers:
            await asyncio.sleep(60)
        raise httpx.ReadError("connection reset by peer")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_RESTART_DELAY", 0)


def follow(server: Watches, batches: int) -> list[list[tuple[str, str]]]:
    """Return so many batches of changes, each as its kind and the object's name."""

    async def run() -> list[list[Change]]:
        found: list[list[Change]] = []
        async with (
            httpx.AsyncClient(base_url="https://api", transport=server) as client,
            contextlib.aclosing(watch.changes(client, "/api/v1/pods")) as changes,
        ):
            async for each in changes:
                found.append(each)
                if len(found) == batches:
                    break
        return found

    found = asyncio.run(asyncio.wait_for(run(), 10))
    return [[(kind, item["metadata"]["uid"]) for kind, item in batch] for batch in found]


def test_all_objects_come_at_once_and_each_change_as_it_happens() -> None:
    server = Watches(
        [event("ADDED", "a"), event("ADDED", "b"), BOOKMARK, event("MODIFIED", "a"), event("DELETED", "b")]
    )

    assert follow(server, 3) == [[("ADDED", "a"), ("ADDED", "b")], [("MODIFIED", "a")], [("DELETED", "b")]]
    assert server.asked[0].url.path == "/api/v1/pods"
    assert dict(server.asked[0].url.params)["sendInitialEvents"] == "true"


@pytest.mark.parametrize("end", [(), (EXPIRED,), ('{"type": "ADD',)], ids=["reset", "expired", "cut"])
def test_what_vanished_while_a_watch_was_broken_is_deleted(end: tuple[str, ...]) -> None:
    server = Watches([event("ADDED", "a"), event("ADDED", "b"), BOOKMARK, *end], [event("ADDED", "b"), BOOKMARK])

    assert follow(server, 2)[1] == [("DELETED", "a"), ("ADDED", "b")]


def test_a_list_that_broke_before_its_end_deletes_nothing() -> None:
    server = Watches([event("ADDED", "a"), BOOKMARK], [event("ADDED", "b")], [event("ADDED", "a"), BOOKMARK])

    assert follow(server, 2) == [[("ADDED", "a")], [("ADDED", "a")]]
