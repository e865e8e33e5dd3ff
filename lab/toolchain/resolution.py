"""The resolution cache: remembers where each tool and artifact was found, so that the next start takes milliseconds.

Only the standard library, and the lock file is hashed, not parsed: this runs at the start of every command.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOCK_FILE = paths.PROJECT / "lab.lock.json"
"""The pins of downloads and artifacts."""


@dataclass(frozen=True)
class Entry:
    """The location of a tool or artifact.

    Attributes:
        path: the real file or folder.
        link: what points there from the project's working folder.
        origin: the source in words, such as `PATH (/usr/bin/kubectl)`.
        fingerprint: size and modification time (ns) of `path` then: a replaced or truncated file breaks it.
    """

    path: Path
    link: Path
    origin: str
    fingerprint: tuple[int, int]

    def holds(self) -> bool:
        """Return whether nothing moved since."""
        try:
            return fingerprint(self.path) == self.fingerprint and self.link.exists()
        except OSError:
            return False


def fingerprint(path: Path) -> tuple[int, int]:
    """Return the size and modification time (ns) of a file or folder."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def hash_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and contents of the files that decide what is resolved."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def read(file: Path, inputs: str) -> dict[str, Entry]:
    """Return the entries that still hold; none when the inputs changed, or the file is missing or damaged."""
    try:
        note = json.loads(file.read_bytes())
        if note["inputs"] != inputs:
            return {}
        entries = {
            name: Entry(Path(path), Path(link), str(origin), (int(size), int(modified)))
            for name, (path, link, origin, size, modified) in note["entries"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: entry for name, entry in entries.items() if entry.holds()}


def write(file: Path, inputs: str, entries: Mapping[str, Entry]) -> None:
    """Replace the file atomically."""
    rows = {name: (str(e.path), str(e.link), e.origin, *e.fingerprint) for name, e in sorted(entries.items())}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({"inputs": inputs, "entries": rows}, indent=2) + "\n")
    draft.replace(file)


def link(target: Path, at: Path) -> None:
    """Make `at` a symbolic link to `target`, atomically."""
    at.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(at)
    draft.symlink_to(target.absolute())
    draft.replace(at)


def place(target: Path, at: Path) -> None:
    """Make `at` a hard link to `target` or a copy of it, atomically."""
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.exists() and not at.is_symlink() and at.samefile(target):
        return
    draft = _draft(at)
    try:
        draft.hardlink_to(target)
    except OSError:
        shutil.copy2(target, draft)
    draft.replace(at)


def _draft(at: Path) -> Path:
    draft = at.with_name(f".{at.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    return draft
