"""What happens to every request before an application sees it, and to every answer before it leaves."""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from common import problems, trace

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from common.environment import Common
    from common.metrics import Metrics
    from common.state import State

_log = logging.getLogger("access")

LARGEST = 64 * 1024
"""Bytes of a body: an order has less than a hundred."""

_SLOWEST_BODY = 10.0
"""Seconds for a whole body."""

_NO_BUSINESS = ("/actuator", "/openapi.json")
"""Paths that are never slow, never fail, are never down and never refused for too much work."""

_CLOSE = {"connection": "close"}
"""Of an answer to a body that was not read to its end."""

_LATER = {"retry-after": "1"}
"""Of an answer to a request that is one too many."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """The outermost layer: traces, faults, limits, access line, metrics, and who answers.

    Args:
        app: what is inside.
        common: what the application was told at its start.
        state: what it was told since.
        metrics: where answers are counted.
    """

    def __init__(self, app: ASGIApp, common: Common, state: State, metrics: Metrics) -> None:
        self._app = app
        self._state = state
        self._metrics = metrics
        self._limit = common.max_requests
        self._in_work = 0
        self._turn = asyncio.Lock()
        text = f"{self._limit} requests are in work: try again later"
        self._too_much = HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, text, _LATER)
        self._marks = [(b"x-app-version", common.version.encode()), (b"x-app-colour", common.colour.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, self._head)
        if self._in_work >= self._limit and not scope["path"].startswith(_NO_BUSINESS):
            await self._refuse(scope, answer)
            return
        begun = time.perf_counter()
        token = trace.CURRENT.set(trace.of(scope["headers"]))
        try:
            await self._answer(scope, _Body(receive), answer)
        finally:
            self._tell(scope, answer.status, time.perf_counter() - begun)
            trace.CURRENT.reset(token)

    async def _answer(self, scope: Scope, receive: _Body, answer: _Answer) -> None:
        try:
            receive.require_small(scope["headers"])
            if scope["path"].startswith(_NO_BUSINESS):
                await self._app(scope, receive, answer)
            else:
                await self._work(scope, receive, answer)
        except HTTPException as error:
            await answer.problem(error)

    async def _refuse(self, scope: Scope, answer: _Answer) -> None:
        """Refuse a request that is one too many, without an access line: there may be thousands in a second."""
        await answer.problem(self._too_much)
        self._metrics.answered(_method(scope), "unknown", HTTPStatus.SERVICE_UNAVAILABLE, 0)

    async def _work(self, scope: Scope, receive: _Body, answer: _Answer) -> None:
        self._in_work += 1
        if self._in_work == self._limit:
            logging.getLogger("edge").warning("%s requests are in work: more are refused", self._limit)
        try:
            # One begins in each round of the event loop: a thousand that arrive together do not hold up health checks.
            async with self._turn:
                await asyncio.sleep(0)
            await self._disturb()
            await self._app(scope, receive, answer)
        finally:
            self._in_work -= 1

    async def _disturb(self) -> None:
        """Whatever the application was told to be: down, slow or failing."""
        if self._state.down:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "this instance was told to be down")
        if self._state.delay:
            await asyncio.sleep(self._state.delay)
        if self._state.fails():
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "this request was told to fail")

    def _head(self, message: Message) -> None:
        message["headers"] = [*message["headers"], *self._marks]
        if self._state.draining:
            message["headers"].append((b"connection", b"close"))

    def _tell(self, scope: Scope, status: int | None, seconds: float) -> None:
        route: Any = scope.get("route")
        uri = getattr(route, "path", "unknown")
        method = _method(scope)
        self._metrics.answered(method, uri, status or 0, seconds)
        _log.info(
            "%s %s %s",
            scope["method"],
            scope["path"],
            status or "gone",
            extra={"method": method, "path": scope["path"], "status": status, "milliseconds": round(seconds * 1000, 1)},
        )


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


class _Answer:
    """Sends an answer, and remembers its status."""

    def __init__(self, send: Send, head: Any) -> None:  # noqa: ANN401 - a function of a message
        self._send = send
        self._head = head
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._head(message)
        await self._send(message)

    async def problem(self, error: HTTPException) -> None:
        """Send a problem document."""
        content = problems.body(error.status_code, error.detail)
        headers = {"content-type": problems.MEDIA_TYPE, "content-length": str(len(content)), **(error.headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self({"type": "http.response.start", "status": error.status_code, "headers": raw})
        await self({"type": "http.response.body", "body": content})


class _Body:
    """Receives a body that is neither too large nor too slow."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._complete = False
        self._until = asyncio.get_running_loop().time() + _SLOWEST_BODY

    @staticmethod
    def require_small(headers: list[tuple[bytes, bytes]]) -> None:
        """Refuse a body that says itself that it is too large, before it is sent."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > LARGEST:
                raise _too_large()

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()  # waits until the client goes
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            text = f"the body did not arrive within {_SLOWEST_BODY:.0f} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, text, _CLOSE) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > LARGEST:
                raise _too_large()
        return message


def _too_large() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LARGEST} bytes", _CLOSE)
