"""The digest of the program that stacks are made by: another one means that they may have to be made anew."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FOLDERS = ("components", "lab/core", "lab/platforms", "lab/settings")
_FILES = ("__main__.py", "Pulumi.yaml", "lab.lock.json")


def digest() -> str:
    """Of every file that decides what a stack is."""
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
    """Whether Python, a linter or an editor has left it."""
    parts = file.relative_to(paths.PROJECT).parts
    return any(part == "__pycache__" or part.startswith(".") for part in parts)
