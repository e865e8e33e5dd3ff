"""What `lab doctor` says about the tools, and what keeps their cache honest and small."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab.core import paths
from lab.core.progress import Progress
from lab.toolchain import cache, lockfile, onpath, resolve, sources
from lab.toolchain.catalog import DEFAULT, TOOLS, Tool

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ToolStatus:
    """One tool, as it stands.

    Attributes:
        name: of the tool.
        version: the pinned one.
        found: the version that is used; None when there is none to use.
        origin: `cache (built 2026-11-23)`, `cache (downloaded ...)`, `PATH (/usr/bin/kubectl)` or `missing`.
        path: the real file.
        elsewhere: a tool of this name on PATH at another version, which is not used; empty when there is none.
        remedy: what to do; empty when nothing is to be done.
    """

    name: str
    version: str
    found: str | None
    origin: str
    path: Path | None
    elsewhere: str
    remedy: str


def report() -> list[ToolStatus]:
    """The state of every tool, found without changing anything and without the network.

    Raises:
        LabError: the lock file is wrong.
    """
    lock = lockfile.load()
    entries = resolve.resolved()
    used = {name: sources.Found(entry.path, entry.origin) for name, entry in entries.items()}
    with ThreadPoolExecutor() as pool:
        return list(pool.map(partial(_status, lock, used), TOOLS.values()))


def _status(lock: lockfile.Lock, used: dict[str, sources.Found], tool: Tool) -> ToolStatus:
    installed = onpath.find(tool)
    found = used.get(tool.name) or sources.in_cache(lock, tool)
    if not found and installed and installed.version == tool.version:
        found = sources.Found(installed.path, f"PATH ({installed.path})")
    elsewhere = ""
    if installed and installed.version != tool.version:
        elsewhere = f"{installed.path} ({installed.version or 'unknown version'})"
    if not found:
        # What only tests and the benchmark use may be missing.
        remedy = "Run `lab setup`." if tool.name in DEFAULT else ""
        return ToolStatus(tool.name, tool.version, None, "missing", None, elsewhere, remedy)
    return ToolStatus(tool.name, tool.version, _version(tool, found.path), found.origin, found.path, elsewhere, "")


def _version(tool: Tool, file: Path) -> str:
    """The version of a used tool: a cache entry names its own, on PATH only the pinned one is used."""
    cached = file.is_relative_to(paths.cache())
    return file.parent.name.rpartition("-")[0] if cached else tool.version


def verify() -> list[str]:
    """The cached tools in use whose bytes are not those that were put there, each as a sentence with its remedy."""
    wrong = []
    for name, entry in resolve.resolved().items():
        if not entry.path.is_relative_to(paths.cache()):
            continue
        origin = cache.origin(entry.path.parent)
        if not origin or cache.sha256(entry.path) != origin.sha256:
            wrong.append(
                f"{name}: {entry.path} was changed after it was cached. Delete {entry.path.parent}, then `lab setup`."
            )
    return wrong


def prune_go_cache() -> int:
    """Delete what builds leave: Go's build cache and module cache, several GB. The tools stay.

    Returns:
        The bytes that this freed.
    """
    with cache.exclusive(Progress(quiet=True)):
        return cache.remove(paths.cache() / "go")
