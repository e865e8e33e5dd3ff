"""The digest of the program that makes the stacks: after a change, stacks may need an update."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FOLDERS = ("components", "lab/core", "lab/platforms", "lab/settings")
_FILES = ("__main__.py", "Pulumi.yaml", "lab.lock.json", "lab/toolchain/charts.py")


def digest() -> str:
    """Return the digest of every file that decides what a stack is."""
    found = hashlib.sha256()
    for file in sorted(_sources()):
        found.update(f"{file.relative_to(paths.PROJECT)}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def _sources() -> Iterable[Path]:
    for name in _FILES:
        yield paths.PROJECT / name
    for folder in _FOLDERS:
        yield from (file for file in (paths.PROJECT / folder).rglob("*") if file.is_file() and not _cached(file))


def _cached(file: Path) -> bool:
    """True for files that Python, a linter or an editor leaves behind."""
    parts = file.relative_to(paths.PROJECT).parts
    return any(part == "__pycache__" or part.startswith(".") for part in parts)
