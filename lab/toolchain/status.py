"""The state of the tools, for `lab doctor`, and the upkeep of their cache."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab.core import paths
from lab.core.progress import Progress
from lab.toolchain import cache, forecast, lockfile, onpath, resolve, sources
from lab.toolchain.catalog import DEFAULT, TOOLS, Tool

if TYPE_CHECKING:
    from pathlib import Path

    from lab.toolchain.forecast import Forecast


@dataclass(frozen=True)
class ToolStatus:
    """The state of one tool.

    Attributes:
        name: of the tool.
        version: the pinned one.
        found: the version that is used; None when there is none to use.
        origin: `cache (built 2026-11-23)`, `cache (downloaded ...)`, `PATH (/usr/bin/kubectl)` or `missing`.
        path: the real file.
        elsewhere: a tool of this name on PATH at another version, which is not used; empty when there is none.
        remedy: what to do; empty when nothing is to be done.
        now: where it would come from now, and about how long that takes.
    """

    name: str
    version: str
    found: str | None
    origin: str
    path: Path | None
    elsewhere: str
    remedy: str
    now: Forecast


def report() -> list[ToolStatus]:
    """Return the state of every tool; changes nothing and needs no network.

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
        now = forecast.foresee_missing(lock, tool)
        return ToolStatus(tool.name, tool.version, None, "missing", None, elsewhere, remedy, now)
    now = forecast.CACHE if found.path.is_relative_to(paths.cache()) else forecast.PATH
    version = _version(tool, found.path)
    return ToolStatus(tool.name, tool.version, version, found.origin, found.path, elsewhere, "", now)


def _version(tool: Tool, file: Path) -> str:
    """Return the version of a used tool: a cache entry names its own, on PATH only the pinned one is used."""
    cached = file.is_relative_to(paths.cache())
    return file.parent.name.rpartition("-")[0] if cached else tool.version


def verify() -> list[str]:
    """Return the cached tools in use that were changed since, each as a sentence with its remedy."""
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
    """Delete Go's build and module caches, several GB, and return the bytes that this freed. The tools stay."""
    with cache.writing(), contextlib.ExitStack() as alone:
        for name in sorted({f"build-{tool.group.name}" for tool in TOOLS.values()} | {"artifacts"}):
            alone.enter_context(cache.exclusive(name, Progress()))
        return cache.remove(paths.cache() / "go")
