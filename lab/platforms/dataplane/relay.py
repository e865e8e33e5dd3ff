"""Ways between the machine's network and those of the Pods: the only ones there are."""

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
_AT_ONCE = 64 * 1024
_BACKLOG = 512

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def serve_socket(path: Path, host: str, port: int) -> asyncio.Server:
    """Lead a Unix socket to a port of this machine.

    Args:
        path: the socket, which is made.
        host: where the port is.
        port: what is reached.
    """
    return await asyncio.start_unix_server(_leading_to(lambda: asyncio.open_connection(host, port)), path)


async def serve_port(host: str, port: int, into: Door) -> asyncio.Server:
    """Lead a port of this machine to one inside a network namespace.

    Args:
        host: where the port is.
        port: which one.
        into: what it leads to.

    Raises:
        OSError: the port is taken.
    """
    return await asyncio.start_server(_leading_to(into.open), host, port, backlog=_BACKLOG)


class Door:
    """Makes connections inside another network namespace.

    A socket belongs for ever to the namespace that its thread was in when it was made, so one thread lives there.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._address = ("", 0)

    def lead(self, network: Path, host: str, port: int) -> None:
        """Lead to a place; connections that are there already stay where they are."""
        self.close()
        self._thread = ThreadPoolExecutor(1, "door", _enter, (network,))
        self._address = (host, port)

    def close(self) -> None:
        """Lead nowhere."""
        if self._thread:
            self._thread.shutdown(wait=False)
        self._thread = None

    async def open(self) -> Streams:
        """A connection.

        Raises:
            OSError: nobody is there.
        """
        if self._thread is None:
            raise ConnectionRefusedError("nobody is there")
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


def _leading_to(
    connect: Callable[[], Awaitable[Streams]],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await connect()
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    return handle


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_AT_ONCE):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
