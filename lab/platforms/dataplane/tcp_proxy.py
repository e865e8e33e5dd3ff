"""TCP proxies between the host network and the Pods' network namespaces."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import hmac
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_CLONE_NEWNET = 0x40000000
_CHUNK = 64 * 1024
_BACKLOG = 512

_LOGIN_TIMEOUT = 5.0
"""Seconds until the first request of a connection must have come."""

_REFUSAL = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def serve_port(host: str, port: int, dialer: NetnsDialer) -> asyncio.Server:
    """Proxy a port of this machine to the target of a dialer.

    Raises:
        OSError: the port is taken.
    """
    return await asyncio.start_server(proxy_to(dialer.open), host, port, backlog=_BACKLOG)


async def serve_with_password(host: str, port: int, dialer: NetnsDialer, *, user: str, password: str) -> asyncio.Server:
    """Proxy a port of this machine to an HTTP server, for those who log in as to an HTTP proxy.

    Only the first request of a connection has to: whoever sent it has the others as well.

    Raises:
        OSError: the port is taken.
    """
    login = b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _LOGIN_TIMEOUT)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            writer.close()
            return
        if not hmac.compare_digest(_login(head), login):
            with contextlib.suppress(OSError):
                writer.write(_REFUSAL)
                await writer.drain()
            writer.close()
            return

        async def connect() -> Streams:
            streams = await dialer.open()
            streams[1].write(head)
            return streams

        await proxy_to(connect)(reader, writer)

    return await asyncio.start_server(handle, host, port, backlog=_BACKLOG)


def _login(head: bytes) -> bytes:
    """Return what the head of a request has for a proxy's login."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"proxy-authorization":
            return value.strip()
    return b""


class NetnsDialer:
    """Opens connections inside another network namespace.

    A socket belongs to the namespace of the thread that created it, so one thread stays in that namespace.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._address = ("", 0)

    def set_target(self, network: Path, host: str, port: int) -> None:
        """Set the target of new connections; existing ones stay."""
        self.close()
        self._thread = ThreadPoolExecutor(1, "dialer", enter, (network,))
        self._address = (host, port)

    def close(self) -> None:
        """Remove the target."""
        if self._thread:
            self._thread.shutdown(wait=False)
        self._thread = None

    async def open(self) -> Streams:
        """Open a connection to the target.

        Raises:
            OSError: there is none, or it does not answer.
        """
        if self._thread is None:
            raise ConnectionRefusedError("there is no target")
        loop = asyncio.get_running_loop()
        inside = await loop.run_in_executor(self._thread, _socket)
        try:
            await loop.sock_connect(inside, self._address)
        except BaseException:
            inside.close()
            raise
        return await asyncio.open_connection(sock=inside)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(0)
    return made


def enter(network: Path) -> None:
    """Move this thread into a network namespace.

    Raises:
        OSError: the kernel does not allow it.
    """
    descriptor = os.open(network, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {network}")
    finally:
        os.close(descriptor)


def proxy_to(
    connect: Callable[[], Awaitable[Streams]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return a handler of connections that copies each of them to and from another one."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target_reader, target_writer = await connect()
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))

    return handle


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
