"""Downloads: streamed, checked by SHA-256 or SHA-512, and quick to give up on a network that is closed."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tarfile
import urllib.parse
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import httpx

from lab.core import paths
from lab.toolchain import cache
from lab.toolchain.cache import SourceFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

    from lab.core.progress import Step

_CHUNK = 1 << 18  # bytes

_ALGORITHMS = {64: ("SHA-256", cache.sha256), 128: ("SHA-512", cache.sha512)}
"""By the length of a checksum in hex."""


@dataclass(frozen=True)
class Limits:
    """Time limits of downloads.

    Attributes:
        connect: seconds to reach a host.
        read: seconds without a byte.
        tries: for failures that can pass: 5xx answers, silence, cut connections.
        pause: seconds before the second try, doubled for each further one.
    """

    connect: float = 10.0
    read: float = 30.0
    tries: int = 3
    pause: float = 1.0


class _TransientError(Exception):
    """A failure that another try may not meet."""


def source_url(url: str) -> str:
    """Return the URL that is really requested: `<mirror>/<host>/<path>` with a mirror (`ISTIO_LAB_MIRROR`)."""
    mirror = os.environ.get("ISTIO_LAB_MIRROR", "").rstrip("/")
    return f"{mirror}/{url.split('://', 1)[1]}" if mirror else url


def offline() -> bool:
    """Return whether `ISTIO_LAB_OFFLINE` forbids downloads."""
    return os.environ.get("ISTIO_LAB_OFFLINE", "") not in ("", "0")


class Downloader:
    """One run's downloads, into the cache's folder `downloads`; may be used by several threads.

    Args:
        cancelled: when set, running downloads end at the next chunk.
        limits: time limits.
    """

    def __init__(self, cancelled: threading.Event, limits: Limits | None = None) -> None:
        self._cancelled = cancelled
        self._limits = limits or Limits()
        self._folder = paths.cache() / "downloads"
        self._unreachable: dict[str, str] = {}
        timeout = httpx.Timeout(self._limits.read, connect=self._limits.connect)
        self._client = httpx.Client(follow_redirects=True, timeout=timeout, headers={"Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def fetch(self, url: str, checksum: str, step: Step) -> Path:
        """Download a file whose SHA-256 or SHA-512 is known; the caller moves or deletes it.

        Raises:
            SourceFailed: with the cause.
        """
        algorithm, compute = _ALGORITHMS[len(checksum)]
        file = self._complete(url, self._folder / checksum, step)
        found = compute(file)
        if found != checksum:
            file.unlink()
            raise SourceFailed(f"{source_url(url)}: wrong checksum: expected {algorithm} {checksum}, got {found}")
        return file

    def fetch_to_verify(self, url: str, name: str, limit: int, step: Step) -> Path:
        """Download a file without a checksum of its own: the caller verifies its content, and deletes it.

        Args:
            url: before the mirror.
            name: of the file.
            limit: the most bytes to accept.
            step: receives the progress.

        Raises:
            SourceFailed: with the cause.
        """
        return self._complete(url, self._folder / name, step, limit)

    def _complete(self, url: str, file: Path, step: Step, limit: int | None = None) -> Path:
        address = source_url(url)
        host = urllib.parse.urlsplit(address).netloc
        if offline():
            raise SourceFailed(f"{address}: downloads are off (ISTIO_LAB_OFFLINE)")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        cause = ""
        for attempt in range(self._limits.tries):
            if attempt:
                self._cancelled.wait(self._limits.pause * 2 ** (attempt - 1))
            if host in self._unreachable:
                raise SourceFailed(f"{address}: {self._unreachable[host]}")
            try:
                self._stream(address, part, step, limit)
                return part.replace(file)
            except (httpx.ConnectError, httpx.ConnectTimeout) as failure:
                self._unreachable[host] = self._unreached(host, failure)
                raise SourceFailed(f"{address}: {self._unreachable[host]}") from failure
            except httpx.TimeoutException:
                cause = f"timed out: no byte for {self._limits.read:g} s"
            except httpx.RemoteProtocolError as failure:
                cause = f"truncated: {_truncation(failure)}"
            except _TransientError as failure:
                cause = str(failure)
            except httpx.HTTPError as failure:
                raise SourceFailed(f"{address}: {_cause(failure)}") from failure
            finally:
                part.unlink(missing_ok=True)
        raise SourceFailed(f"{address}: {cause} ({self._limits.tries} tries)")

    def _stream(self, address: str, part: Path, step: Step, limit: int | None) -> None:
        with self._client.stream("GET", address) as answer, part.open("wb") as out:
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise _TransientError(f"HTTP {answer.status_code}")
            if answer.status_code >= httpx.codes.BAD_REQUEST:
                raise SourceFailed(f"{address}: HTTP {answer.status_code} {answer.reason_phrase}")
            length = answer.headers.get("Content-Length")
            have = 0
            for piece in answer.iter_raw():
                if self._cancelled.is_set():
                    raise SourceFailed(f"{address}: interrupted")
                out.write(piece)
                have += len(piece)
                if limit and have > limit:
                    raise SourceFailed(f"{address}: larger than the {limit // 1_000_000} MB it may have")
                step.advance(have, int(length) if length else None)

    def _unreached(self, host: str, failure: httpx.TransportError) -> str:
        if isinstance(failure, httpx.ConnectTimeout):
            return f"no answer from {host} in {self._limits.connect:g} s"
        cause = _cause(failure)
        if isinstance(cause, socket.gaierror):
            return f"the name {host} is not resolved ({cause.strerror})"
        return f"no connection to {host} ({cause})"


def _cause(failure: Exception) -> BaseException | str:
    """Return the error of TLS or of the name resolution that is behind a failure, else the failure itself."""
    inner: BaseException | None = failure
    while inner and not isinstance(inner, ssl.SSLError | socket.gaierror):
        inner = inner.__cause__ or inner.__context__
    return inner or str(failure) or type(failure).__name__


def _truncation(failure: httpx.RemoteProtocolError) -> str:
    # h11 words it "(received 10 bytes, expected 20)": the numbers are what a reader needs.
    numbers = [word for word in str(failure).replace(")", " ").split() if word.isdigit()]
    return f"got {numbers[0]} of {numbers[1]} bytes" if len(numbers) > 1 else str(failure)


def extract(archive: Path, members: Mapping[str, Path]) -> None:
    """Copy some files out of a .tar.gz or .zip, each to its path, in one pass; nothing else touches the disk.

    Raises:
        SourceFailed: one is no regular file there, or the archive is damaged.
    """
    missing = set(members)
    try:
        for member, source in _regular_files(archive, members):
            with source, members[member].open("wb") as out:
                shutil.copyfileobj(source, out, _CHUNK)
            missing.discard(member)
            if not missing:
                return
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as failure:
        raise SourceFailed(f"the archive has no readable file {', '.join(sorted(missing))}: {failure}") from failure
    raise SourceFailed(f"the archive has no readable file {', '.join(sorted(missing))}: it has no such file")


def _regular_files(archive: Path, wanted: Container[str]) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                if name in wanted:
                    yield name, zipped.open(name)
        return
    with tarfile.open(archive, "r|*") as tarred:  # as a stream: looking a member up would decompress all twice
        for entry in tarred:
            if entry.name in wanted and entry.isfile() and (stream := tarred.extractfile(entry)):
                yield entry.name, stream
