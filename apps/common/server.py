"""Runs an application until it is told to end, and then ends it without losing what it has accepted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common import logs

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

    from common.environment import Common
    from common.state import State

_DRAIN = 2.0
"""Seconds after the signal in which requests are still taken, each with the word to close its connection."""

_PATIENCE = 20
"""Seconds for what was accepted, after that."""

_SLOWEST_HEAD = 10.0
"""Seconds for the head of a request: a client that dribbles must not hold a connection for ever."""

_LAST_WORDS = 0.5
"""Seconds that a silent connection is kept at the end: a request may be on its way, and is answered then."""

_IDLE = 75
"""Seconds that a connection may be silent between two requests; longer than proxies keep theirs."""

_log = logging.getLogger("server")


class _Protocol(HttpToolsProtocol):
    """Ends a connection whose request does not come to its headers' end in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._forget()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End after what is being answered; what is silent may have a request under way, so it is heard out."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(_LAST_WORDS, self._give_up)
        else:
            self.cycle.keep_alive = False

    def _await_head(self) -> None:
        self._forget()
        self._deadline = self.loop.call_later(_SLOWEST_HEAD, self._give_up)

    def _give_up(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if not busy and not self.transport.is_closing():
            self.transport.close()

    def _forget(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """Drains before it stops."""

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self._state = state

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets it drain, the second ends it now."""
        del frame
        if self._state.draining:
            self.force_exit = True
            self.should_exit = True
            return
        self._state.draining = True
        _log.info("told to end by signal %s: answering what was accepted", sig)
        asyncio.get_event_loop().call_later(_DRAIN, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                _log.info("listening on %s:%s", host, port, extra={"host": host, "port": port})


def run(app: ASGIApp, common: Common, state: State) -> None:
    """Serve an application until SIGTERM or SIGINT.

    Args:
        app: what answers.
        common: where it listens, and how much it says.
        state: is told when the end begins.
    """
    logs.configure(common.log_level)
    config = uvicorn.Config(
        app,
        host=common.host,
        port=common.port,
        http=_Protocol,
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_PATIENCE,
    )
    _Server(config, state).run()
