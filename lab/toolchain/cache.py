"""The cache that all clones of a user share: entries appear atomically, and one process at a time brings one thing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab.core import paths, signals
from lab.core.errors import LabError
from lab.core.wait import poll

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from lab.core.progress import Progress

PATIENCE = 2 * 3600.0
"""Seconds that another process may take to bring a thing; the longest build takes a tenth of it on a small machine."""

_DRAFT = re.compile(r"(?:(?P<host>.+)-)?(?P<pid>\d+)-[^-]+")
"""Names of temporary folders; those of earlier versions have no machine."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class SourceFailed(Exception):  # noqa: N818 - reads as the fact it states, and is always handled, never shown raw
    """A source could not give a tool or an artifact, so the next one is asked; the message is the cause, in a line."""


@dataclass(frozen=True)
class Origin:
    """Facts about a cached file, kept beside it.

    Attributes:
        source: `download` or `build`.
        when: the day it came, ISO 8601.
        sha256: of the file, to notice later changes.
    """

    source: str
    when: str
    sha256: str


def entry(kind: str, name: str, key: str) -> Path:
    """Return the folder of a cache entry, which may not exist yet."""
    return (paths.cache() / kind / name / key).absolute()


def origin(folder: Path) -> Origin | None:
    """Return the origin of a cached tool; None when the entry is missing or unreadable."""
    try:
        return Origin(**json.loads((folder / "origin.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def put_tool(file: Path, folder: Path, source: str) -> Path:
    """Move a finished executable from `staging` to the folder of `entry`; return its path there."""
    with staging() as draft:
        file.chmod(0o755)
        facts = Origin(source, datetime.now(UTC).date().isoformat(), sha256(file))
        (draft / "origin.json").write_text(json.dumps(asdict(facts), indent=2) + "\n")
        file.replace(draft / folder.parent.name)
        put(draft, folder)
    return folder / folder.parent.name


def put(draft: Path, folder: Path) -> None:
    """Move a finished folder to its place, setting aside a damaged one that is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        with staging() as aside:
            folder.replace(aside / folder.name)
    draft.replace(folder)


@contextlib.contextmanager
def staging() -> Iterator[Path]:
    """A temporary folder on the cache's file system; what is moved out of it stays, the rest goes."""
    parent = _drafts()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_host()}-{os.getpid()}-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Write to the cache for the length of a block, beside other processes that write to it.

    SIGTERM ends like Ctrl-C, so that it cleans up, and temporary folders that killed runs left are deleted.

    Raises:
        LabError: the cache cannot be written, or its disk is full.
    """
    root = paths.cache()
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep()
        with signals.termination_as_interrupt():
            yield
    except OSError as failure:
        _explain(failure, root)


@contextlib.contextmanager
def exclusive(name: str, progress: Progress, cancelled: threading.Event | None = None) -> Iterator[None]:
    """Lock one thing that comes into the cache; a second process that brings the same waits, and shows for which one.

    Args:
        name: of the thing, such as `build-istio`: who brings another need not wait.
        progress: shows whom this process waits for.
        cancelled: when set, waiting ends.

    Raises:
        SourceFailed: it was cancelled.
        LabError: the other process has been at it for too long.
        OSError: the cache cannot be written.
    """
    import filelock

    folder = paths.cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(folder / f"{name}.lock"), folder / f"{name}.holder"

    def acquired() -> bool:
        with contextlib.suppress(filelock.Timeout):
            lock.acquire(timeout=0)
        return lock.is_locked or bool(cancelled and cancelled.is_set())

    if not acquired():
        waiting = f"waiting for process {_read(holder)}, which is filling the cache {paths.cache()} ({name})"
        with progress.step(waiting):
            poll(acquired, timeout=PATIENCE)
    if not lock.is_locked:
        if cancelled and cancelled.is_set():
            raise SourceFailed("interrupted")
        other, minutes = _read(holder), f"{PATIENCE / 60:.0f} minutes"
        raise LabError(
            f"process {other} has been filling the cache {paths.cache()} ({name}) for more than {minutes}",
            f"see what it does: ps -f -p {other}; end it if it hangs, and run the same command again",
        )
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _sweep() -> None:
    """Delete the temporary folders of processes of this machine that have ended."""
    import psutil

    for folder in _drafts().glob("*"):
        found = _DRAFT.fullmatch(folder.name)
        if found and found["host"] in (None, _host()) and not psutil.pid_exists(int(found["pid"])):
            shutil.rmtree(folder, ignore_errors=True)


def _drafts() -> Path:
    return paths.cache() / "tmp"


def _host() -> str:
    """The name of this machine: a home folder, and with it the cache, may be shared by several."""
    return socket.gethostname()


def _explain(failure: OSError, root: Path) -> NoReturn:
    if failure.errno in _FULL:
        free = shutil.disk_usage(root).free // 1_000_000
        raise LabError(
            f"The disk of the cache {root} is full: {free} MB are free.",
            "Make room there (a first build needs 20 GB, `lab prune` frees what builds leave), or set ISTIO_LAB_CACHE.",
        ) from failure
    if isinstance(failure, PermissionError):
        raise LabError(
            f"The cache cannot be written: {failure}.", "Make it yours, or point ISTIO_LAB_CACHE to another folder."
        ) from failure
    raise failure


def _read(holder: Path) -> str:
    try:
        return holder.read_text().strip()
    except OSError:
        return "?"


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return _digest(file, "sha256")


def sha512(file: Path) -> str:
    """The SHA-512 of a file, in hex."""
    return _digest(file, "sha512")


def _digest(file: Path, algorithm: str) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def remove(folder: Path) -> int:
    """Delete a folder and return the bytes that this freed (apparent sizes)."""
    freed = sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
    shutil.rmtree(folder, ignore_errors=True)
    return freed
