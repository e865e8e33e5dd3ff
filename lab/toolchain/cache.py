"""The cache that all clones of a user share: entries appear atomically, and one process fills it at a time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab.core import paths, signals
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.core.progress import Progress

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
    parent = paths.cache() / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def exclusive(progress: Progress) -> Iterator[None]:
    """Lock the cache for writing; a second process waits, and shows for which one.

    Temporary folders are only made by the holder, so those that a killed run left are deleted. SIGTERM ends like
    Ctrl-C, so that it cleans up.

    Raises:
        LabError: the cache cannot be written, or its disk is full.
    """
    import filelock

    root = paths.cache()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(root / "lock")
        holder = root / "lock.holder"
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            with progress.step(f"waiting for process {_read(holder)}, which is filling the cache {root}"):
                lock.acquire(poll_interval=0.1)
        try:
            holder.write_text(str(os.getpid()))
            shutil.rmtree(root / "tmp", ignore_errors=True)
            with signals.termination_as_interrupt():
                yield
        finally:
            lock.release()
    except OSError as failure:
        _explain(failure, root)


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
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove(folder: Path) -> int:
    """Delete a folder and return the bytes that this freed (apparent sizes)."""
    freed = sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
    shutil.rmtree(folder, ignore_errors=True)
    return freed
