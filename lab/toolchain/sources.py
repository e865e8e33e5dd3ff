"""Sources of tools, in the order in which they are asked: cache, PATH, download, build."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.parallel import run_all
from lab.toolchain import build, cache, catalog, onpath
from lab.toolchain.cache import SourceFailed
from lab.toolchain.download import Downloader, Limits, extract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lab.core.progress import Progress
    from lab.toolchain.catalog import Group, Tool
    from lab.toolchain.lockfile import Lock, Prebuilt

_DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Found:
    """The real file of a tool, and its source in words."""

    path: Path
    origin: str


def prebuilt(lock: Lock, tool: Tool) -> Prebuilt | None:
    """Return the pinned download of a tool for this machine."""
    return next((item for name, item in lock.tools.get(tool.name, {}).items() if name == catalog.platform()), None)


def in_cache(lock: Lock, tool: Tool) -> Found | None:
    """Return the cached tool, downloaded or built; an entry that was damaged or changed does not count."""
    download = prebuilt(lock, tool)
    for folder in ([_download_folder(tool, download)] if download else []) + [build.folder(tool)]:
        file = folder / tool.name
        if (origin := cache.origin(folder)) and file.is_file() and cache.sha256(file) == origin.sha256:
            verb = {"build": "built", "download": "downloaded"}.get(origin.source, origin.source)
            return Found(file, f"cache ({verb} {origin.when})")
    return None


def _download_folder(tool: Tool, download: Prebuilt) -> Path:
    return cache.entry("tools", tool.name, f"{download.version or tool.version}-{download.checksum[:12]}")


class Search:
    """One search for tools."""

    def __init__(self, lock: Lock, progress: Progress, limits: Limits | None = None) -> None:
        self._lock = lock
        self._progress = progress
        self._limits = limits
        self._cancelled = threading.Event()
        self._found: dict[str, Found] = {}
        self._causes: defaultdict[str, list[str]] = defaultdict(list)

    def run(self, tools: Sequence[Tool]) -> Mapping[str, Found]:
        """Find every tool, asking each source for what the ones before could not give.

        Raises:
            LabError: for the tools that no source has, with each source's cause.
        """
        self._from_cache(tools)  # entries appear whole, so what is there needs no lock
        if len(self._found) == len(tools):
            return self._found
        with cache.writing():
            for source in (self._from_path, self._from_downloads, self._from_builds):
                if missing := [tool for tool in tools if tool.name not in self._found]:
                    source(missing)
        if missing := [tool for tool in tools if tool.name not in self._found]:
            raise self._error(missing)
        return self._found

    def _from_cache(self, tools: Sequence[Tool]) -> None:
        for tool in tools:
            if found := in_cache(self._lock, tool):
                self._found[tool.name] = found

    def _missing(self, tools: Sequence[Tool]) -> list[Tool]:
        """Look again, with the lock: another process may have brought some meanwhile."""
        self._from_cache(tools)
        return [tool for tool in tools if tool.name not in self._found]

    def _from_path(self, tools: Sequence[Tool]) -> None:
        def look(tool: Tool) -> None:
            installed = onpath.find(tool)
            if installed and installed.version == tool.version:
                self._found[tool.name] = Found(installed.path, f"PATH ({installed.path})")
            elif installed:
                self._fail(tool, f"PATH: {installed.path} is {installed.version or 'of an unknown version'}")

        self._run_all([partial(look, tool) for tool in tools], _DOWNLOADS_AT_ONCE)

    def _from_downloads(self, tools: Sequence[Tool]) -> None:
        archives: defaultdict[tuple[str, str], list[tuple[Tool, Prebuilt]]] = defaultdict(list)
        for tool in tools:
            if pinned := prebuilt(self._lock, tool):
                archives[pinned.url, pinned.checksum].append((tool, pinned))
            else:
                self._causes[tool.name].append(f"download: none is pinned for {catalog.platform()}")
        if not archives:
            return
        downloader = Downloader(self._cancelled, self._limits)
        try:
            jobs = [partial(self._download, downloader, url, wanted) for (url, _), wanted in archives.items()]
            self._run_all(jobs, _DOWNLOADS_AT_ONCE)
        finally:
            downloader.close()

    def _download(self, downloader: Downloader, url: str, archive: Sequence[tuple[Tool, Prebuilt]]) -> None:
        names, checksum = ", ".join(tool.name for tool, _ in archive), archive[0][1].checksum
        wanted = archive
        try:
            with contextlib.ExitStack() as entered:
                entered.enter_context(cache.exclusive(f"download-{checksum[:12]}", self._progress, self._cancelled))
                missing = self._missing([tool for tool, _ in archive])
                wanted = [each for each in archive if each[0] in missing]
                if not wanted:
                    return
                step = entered.enter_context(self._progress.step(f"downloading {names}"))
                file = downloader.fetch(url, checksum, step)
                draft = entered.enter_context(cache.staging())
                if members := {pinned.member: draft / tool.name for tool, pinned in wanted if pinned.member}:
                    extract(file, members)
                    file.unlink()
                else:
                    file.replace(draft / wanted[0][0].name)
                for tool, pinned in wanted:
                    cache.put_tool(draft / tool.name, _download_folder(tool, pinned), "download")
        except SourceFailed as failure:
            for tool, _ in wanted:
                self._fail(tool, f"download: {failure}")
        self._from_cache([tool for tool, _ in wanted])

    def _from_builds(self, tools: Sequence[Tool]) -> None:
        groups: defaultdict[Group, list[Tool]] = defaultdict(list)
        for tool in tools:
            if tool.group.not_built:
                self._causes[tool.name].append(f"build: {tool.group.not_built}")
            else:
                groups[tool.group].append(tool)
        if not groups:
            return
        longest_first = sorted(groups.items(), key=lambda item: -item[0].seconds)
        # Go itself uses every core of a small machine. A second build would compile what both share twice, so the
        # others only fetch their modules meanwhile.
        at_once = threading.Semaphore(max(1, min(4, (os.cpu_count() or 1) // 4)))
        jobs = [partial(self._build, group, wanted, at_once) for group, wanted in longest_first]
        self._run_all(jobs, workers=len(jobs))

    def _build(self, group: Group, wanted: Sequence[Tool], at_once: threading.Semaphore) -> None:
        try:
            with cache.exclusive(f"build-{group.name}", self._progress, self._cancelled):
                if not (wanted := self._missing(wanted)):
                    return
                names = ", ".join(tool.name for tool in wanted)
                with self._progress.step(f"fetching the Go modules of {group.name}"):
                    build.fetch(group, wanted, self._cancelled)
                with at_once, self._progress.step(f"building {group.name} ({names})", usual=group.seconds):
                    build.build(group, wanted, self._cancelled)
        except SourceFailed as failure:
            for tool in wanted:
                self._fail(tool, f"build: {failure}")
        self._from_cache(wanted)

    def _run_all(self, jobs: Sequence[Callable[[], None]], workers: int) -> None:
        run_all(jobs, workers=workers, cancelled=self._cancelled)

    def _fail(self, tool: Tool, cause: str) -> None:
        self._causes[tool.name].append(cause)
        if not self._cancelled.is_set():
            self._progress.line(f"{tool.name}: {cause.splitlines()[0]}")

    def _error(self, missing: Sequence[Tool]) -> LabError:
        alike: defaultdict[tuple[str, ...], list[Tool]] = defaultdict(list)
        for tool in missing:
            alike[tuple(self._causes[tool.name])].append(tool)
        lines = []
        for causes, tools in alike.items():
            lines.append(f"No source has {', '.join(f'{tool.name} {tool.version}' for tool in tools)}:")
            lines.extend(f"  {cause}" for cause in causes)
        return LabError(
            "\n".join(lines),
            "One source is enough: let the downloads through (HTTPS_PROXY, ISTIO_LAB_MIRROR), or install the Go named "
            "above with a module proxy in reach (GOPROXY), or put the pinned version on PATH. "
            "Then run the same command again: what is there already is kept.",
        )
