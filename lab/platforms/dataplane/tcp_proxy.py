"""TCP proxies between the host network and the Pods' network namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
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

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def serve_socket(path: Path, host: str, port: int) -> asyncio.Server:
    """Proxy a new Unix socket to a port of this machine."""
    return await asyncio.start_unix_server(_proxy_to(lambda: asyncio.open_connection(host, port)), path)


async def serve_port(host: str, port: int, dialer: NetnsDialer) -> asyncio.Server:
    """Proxy a port of this machine to the target of a dialer.

    Raises:
        OSError: the port is taken.
    """
    return await asyncio.start_server(_proxy_to(dialer.open), host, port, backlog=_BACKLOG)


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
        self._thread = ThreadPoolExecutor(1, "dialer", _enter, (network,))
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


def _enter(network: Path) -> None:
    descriptor = os.open(network, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {network}")
    finally:
        os.close(descriptor)


def _proxy_to(
    connect: Callable[[], Awaitable[Streams]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
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
