"""Private files and folders: nobody else may read or change them, whatever the user's umask."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o077
"""The umask of the lab and of every program that it starts: nothing for anybody else."""

READABLE = 0o022
"""The umask of programs whose files a container or another user is to read."""

_FILE, _FOLDER = 0o600, 0o700

_FULL, _FORBIDDEN = (errno.ENOSPC, errno.EDQUOT), (errno.EROFS, errno.EACCES, errno.EPERM)

_PROBE = 1 << 20
"""Bytes that a folder must have room for, which is about what Pulumi writes for a stack."""


def be_private() -> None:
    """Have this process create private files and folders from now on, whatever the user's umask."""
    os.umask(PRIVATE)


def folder(path: Path) -> Path:
    """Create a folder that only its owner may enter, and those above it that are missing; return it.

    One that exists becomes private, since an earlier version of this program may have made it.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            each.mkdir(mode=_FOLDER)
    # A umask of 0o777 would take even the owner's rights.
    for each in missing or [path]:
        if each.stat().st_mode & 0o777 != _FOLDER:
            each.chmod(_FOLDER)
    return path


def write(file: Path, content: str) -> Path:
    """Write a file that only its owner may read, from its first byte on; whoever is killed leaves the former one.

    Args:
        file: what is there is replaced.
        content: all of it.
    """
    _draft(file, content).replace(file)
    return file


def write_bytes(file: Path, content: bytes) -> Path:
    """Write a file of bytes like `write`."""
    _draft(file, content).replace(file)
    return file


def create_once(file: Path, content: str) -> str:
    """Write a private file unless it exists; return its content, which is the same for all who ask at once."""
    draft = _draft(file, content)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    return file.read_text(encoding="utf-8")


def delete(path: Path) -> None:
    """Delete a folder with all that is in it.

    Raises:
        LabError: something of it stays.
    """
    failures: list[str] = []
    shutil.rmtree(path, onerror=lambda _, where, error: failures.append(f"{where}: {error[1]}"))
    if path.exists():
        raise LabError(
            f"{path} could not be deleted, {failures[0] if failures else 'somebody writes into it'}",
            "make it writable for you, then run the command again",
        )


def require_writable(path: Path) -> None:
    """Refuse a folder, made if need be, in which no file can be written.

    Raises:
        LabError: the disk is full, the folder is read only, or it is somebody else's.
    """
    probe = path / f".probe.{os.getpid()}.{threading.get_ident()}"
    try:
        folder(path)
        try:
            with probe.open("wb", buffering=0) as out:
                out.write(bytes(_PROBE))
                os.fsync(out.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise (refusal(error, path) or error) from error


def refusal(error: OSError, path: Path | None = None) -> LabError | None:
    """Return the error for a disk that is full or a place that may not be written; None for another cause.

    Args:
        error: its file is named.
        path: is named in its place.
    """
    where = path or Path(str(error.filename or "a file of the lab"))
    if error.errno in _FULL:
        return LabError(
            f"{where} cannot be written: {error.strerror}",
            f"free space on that disk (df -h {where.parent} shows it), then run the command again",
        )
    if error.errno in _FORBIDDEN:
        return LabError(
            f"{where} cannot be written: {error.strerror}",
            "make it writable for you, then run the command again; another place for .lab is named by ISTIO_LAB_HOME",
        )
    return None


def append(file: Path) -> IO[bytes]:
    """Open a private file, such as a log, to append bytes."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _FILE)
    if file.is_file():  # /dev/null is somebody else's
        os.fchmod(descriptor, _FILE)
    return os.fdopen(descriptor, "ab")


def _draft(file: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode()
    new = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
    os.fchmod(descriptor, _FILE)  # the mode above counts only for a new file
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
    except OSError:  # the disk is full
        new.unlink()
        raise
    return new


@contextlib.contextmanager
def temporary(content: str, parent: Path, *, prefix: str) -> Iterator[Path]:
    """Write a file that only its owner may read for the length of a `with` block.

    Args:
        content: the secret.
        parent: is made if it is not there.
        prefix: begins the file's name.
    """
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=folder(parent))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(content)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
