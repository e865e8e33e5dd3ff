"""The cache that all clones of a user share: entries appear whole or not at all, one process fills it at a time."""

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


@dataclass(frozen=True)
class Origin:
    """What is known about a cached file, kept beside it.

    Attributes:
        source: `download` or `build`.
        when: the day it came, ISO 8601.
        sha256: of the file, to notice later changes.
    """

    source: str
    when: str
    sha256: str


def entry(kind: str, name: str, key: str) -> Path:
    """The folder of one cached thing, whether it is there or not."""
    return (paths.cache() / kind / name / key).absolute()


def origin(folder: Path) -> Origin | None:
    """The origin of a cached tool; nothing when the entry is missing or not readable."""
    try:
        return Origin(**json.loads((folder / "origin.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def put_tool(file: Path, folder: Path, source: str) -> Path:
    """Move a finished executable into the cache.

    Args:
        file: on the cache's file system, from `staging`.
        folder: from `entry`.
        source: `download` or `build`.

    Returns:
        The file's place in the cache.
    """
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
    """Hold the cache for writing, and translate a full disk into an error to act on.

    A second process waits, saying for whom. Temporary folders found inside belong to nobody, since they are only made
    by the holder: what a killed run left goes here. A polite kill (SIGTERM) ends like Ctrl-C, so that it cleans up.

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
