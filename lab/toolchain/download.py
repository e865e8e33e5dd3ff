"""Downloads: streamed, resumed, checked by SHA-256, and quick to give up on a network that is closed."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tarfile
import threading
import urllib.parse
import urllib.request
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import httpx

from lab.core import paths
from lab.toolchain import cache
from lab.toolchain.failures import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.core.progress import Step

_CHUNK = 1 << 18  # bytes
_RANGE_REFUSED = 416
_PARTIAL = 206


@dataclass(frozen=True)
class Limits:
    """How patient downloads are.

    Attributes:
        connect: seconds to reach a host, name resolution included.
        read: seconds without a byte.
        tries: for failures that can pass: 5xx answers, silence, cut connections.
        pause: seconds before the second try, doubled for each further one.
    """

    connect: float = 10.0
    read: float = 30.0
    tries: int = 3
    pause: float = 1.0


class _Passing(Exception):  # noqa: N818 - see SourceFailed
    """A failure that another try may not meet."""


def source_url(url: str) -> str:
    """The address that is really asked: with a mirror (`ISTIO_LAB_MIRROR`) that is <mirror>/<host>/<path>."""
    mirror = os.environ.get("ISTIO_LAB_MIRROR", "").rstrip("/")
    return f"{mirror}/{url.split('://', 1)[1]}" if mirror else url


def offline() -> bool:
    """Whether `ISTIO_LAB_OFFLINE` forbids downloads."""
    return os.environ.get("ISTIO_LAB_OFFLINE", "") not in ("", "0")


class Downloader:
    """One run's downloads, into the cache's folder `downloads`; may be used by several threads.

    Args:
        cancelled: when set, running downloads end at the next piece.
        limits: how patient to be.
    """

    def __init__(self, cancelled: threading.Event, limits: Limits | None = None) -> None:
        self._cancelled = cancelled
        self._limits = limits or Limits()
        self._folder = paths.cache() / "downloads"
        self._unreachable: dict[str, str] = {}
        self._asking = threading.Lock()
        timeout = httpx.Timeout(self._limits.read, connect=self._limits.connect)
        self._client = httpx.Client(follow_redirects=True, timeout=timeout, headers={"Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def fetch(self, url: str, sha256: str, step: Step) -> Path:
        """Download a file whose SHA-256 is known.

        What a broken or interrupted download left is kept and continued by the next one.

        Args:
            url: the address before the mirror.
            sha256: of the complete file.
            step: told about the bytes.

        Returns:
            The complete file; the caller moves it or deletes it.

        Raises:
            SourceFailed: with the cause.
        """
        file = self._folder / sha256
        part = file.with_suffix(".part")
        resumed = part.exists()
        self._complete(url, part, step)
        found = cache.sha256(part)
        if found != sha256 and resumed:  # what was there may come from other bytes: once more from nothing
            part.unlink()
            self._complete(url, part, step)
            found = cache.sha256(part)
        if found != sha256:
            part.unlink()
            raise SourceFailed(f"{source_url(url)}: wrong checksum: expected SHA-256 {sha256}, got {found}")
        part.replace(file)
        _etag(part).unlink(missing_ok=True)
        return file

    def fetch_to_verify(self, url: str, name: str, limit: int, step: Step) -> Path:
        """Download an archive without a checksum of its own: its content must be verified before it is used.

        Args:
            url: the address before the mirror.
            name: the file name to use.
            limit: the most bytes to accept.
            step: told about the bytes.

        Returns:
            The complete file; the caller deletes it.

        Raises:
            SourceFailed: with the cause.
        """
        part = self._folder / f"{name}.part"
        part.unlink(missing_ok=True)  # without a checksum a stale beginning would not be noticed
        self._complete(url, part, step, limit=limit)
        return part.replace(self._folder / name)

    def _complete(self, url: str, part: Path, step: Step, limit: int | None = None) -> None:
        address = source_url(url)
        host = urllib.parse.urlsplit(address).netloc
        if offline():
            raise SourceFailed(f"{address}: downloads are off (ISTIO_LAB_OFFLINE)")
        part.parent.mkdir(parents=True, exist_ok=True)
        cause = ""
        for attempt in range(self._limits.tries):
            if attempt:
                self._cancelled.wait(self._limits.pause * 2 ** (attempt - 1))
            try:
                self._reach(address, host)
                return self._stream(address, part, step, limit)
            except httpx.ConnectError as failure:
                self._unreachable[host] = f"no connection to {host} ({_cause(failure)})"
            except httpx.ConnectTimeout:
                self._unreachable[host] = f"no answer from {host} in {self._limits.connect:g} s"
            except httpx.TimeoutException:
                cause = f"timed out: no byte for {self._limits.read:g} s"
            except httpx.RemoteProtocolError as failure:
                cause = f"truncated: {_truncation(failure)}"
            except _Passing as failure:
                cause = str(failure)
            except httpx.HTTPError as failure:
                raise SourceFailed(f"{address}: {_cause(failure)}") from failure
            self._reach(address, host)
        raise SourceFailed(f"{address}: {cause} ({self._limits.tries} tries)")

    def _stream(self, address: str, part: Path, step: Step, limit: int | None) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and _etag(part).exists():
            headers["If-Range"] = _etag(part).read_text()
        with self._client.stream("GET", address, headers=headers) as answer:
            if answer.status_code == _RANGE_REFUSED:
                part.unlink()
                raise _Passing("the server refused to continue a partial download")
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise _Passing(f"HTTP {answer.status_code}")
            if answer.status_code >= httpx.codes.BAD_REQUEST:
                raise SourceFailed(f"{address}: HTTP {answer.status_code} {answer.reason_phrase}")
            if answer.status_code != _PARTIAL:
                have = 0
            _etag(part).unlink(missing_ok=True)
            if (etag := answer.headers.get("ETag", "")) and not etag.startswith("W/"):
                _etag(part).write_text(etag)
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with part.open("ab" if have else "wb") as out:
                for piece in answer.iter_raw():
                    if self._cancelled.is_set():
                        raise SourceFailed(f"{address}: interrupted")
                    out.write(piece)
                    have += len(piece)
                    if limit and have > limit:
                        raise SourceFailed(f"{address}: larger than the {limit // 1_000_000} MB it may have")
                    step.advance(have, total)

    def _reach(self, address: str, host: str) -> None:
        """Refuse a host that could not be reached before; resolve its name within the limit, since httpx has none."""
        with self._asking:
            if host not in self._unreachable and not _through_proxy(address):
                self._unreachable[host] = _resolve(address, self._limits.connect)
            cause = self._unreachable.get(host)
        if cause:
            raise SourceFailed(f"{address}: {cause}")


def _resolve(address: str, patience: float) -> str:
    """Why a name has no address; empty when it has one. In a daemon thread, since the resolver has no time limit."""
    parts = urllib.parse.urlsplit(address)
    outcome: list[str] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
            outcome.append("")
        except OSError as failure:
            outcome.append(f"the name {parts.hostname} is not resolved ({failure.strerror})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    return outcome[0] if outcome else f"the name {parts.hostname} is not resolved in {patience:g} s"


def _through_proxy(address: str) -> bool:
    parts = urllib.parse.urlsplit(address)
    proxies = urllib.request.getproxies()
    proxied = parts.scheme in proxies or "all" in proxies
    return proxied and not urllib.request.proxy_bypass(parts.netloc)


def _etag(part: Path) -> Path:
    return part.with_suffix(".etag")


def _cause(failure: Exception) -> str:
    inner: BaseException | None = failure
    while inner and not isinstance(inner, ssl.SSLError | socket.gaierror):
        inner = inner.__cause__ or inner.__context__
    return str(inner or failure) or type(failure).__name__


def _truncation(failure: httpx.RemoteProtocolError) -> str:
    # h11 words it "(received 10 bytes, expected 20)": the numbers are what a reader needs.
    numbers = [word for word in str(failure).replace(")", " ").split() if word.isdigit()]
    return f"got {numbers[0]} of {numbers[1]} bytes" if len(numbers) > 1 else str(failure)


def extract(archive: Path, member: str, to: Path) -> None:
    """Copy one file out of a .tar.gz or .zip; nothing else of the archive touches the disk.

    Raises:
        SourceFailed: there is no such regular file, or the archive is damaged.
    """
    try:
        with _open_member(archive, member) as source, to.open("wb") as out:
            while piece := source.read(_CHUNK):
                out.write(piece)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, EOFError) as failure:
        raise SourceFailed(f"the archive has no readable file {member}: {failure}") from failure


@contextlib.contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped, zipped.open(member) as source:
            yield source
        return
    with tarfile.open(archive) as tarred:
        stream = tarred.extractfile(tarred.getmember(member))
        if stream is None:
            raise KeyError(f"{member} is no regular file")
        with stream:
            yield stream
