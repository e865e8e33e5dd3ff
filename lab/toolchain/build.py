"""Builds of tools from locked Go modules, for machines that cannot download prebuilt ones."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core import paths
from lab.toolchain import cache, catalog, golang

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from lab.toolchain.catalog import Group, Tool


@dataclass(frozen=True)
class _Workshop:
    """A folder with a complete copy of a group's recipe, and the group's `sources` module if it names one."""

    group: Group
    recipe: Path
    scratch: Path
    log: Path
    cancelled: threading.Event
    sources: Path | None = None

    def go(self, *arguments: str) -> None:
        golang.run(arguments, cwd=self.recipe, scratch=self.scratch, log=self.log, cancelled=self.cancelled)


def fetch(group: Group, tools: Sequence[Tool], cancelled: threading.Event) -> None:
    """Download the modules that a build of some tools of a group needs; this leaves the processor to another build.

    Raises:
        SourceFailed: with the cause.
        OSError: the cache cannot be written.
    """
    golang.check(catalog.RECIPES / group.name)
    log = _log(group)
    log.unlink(missing_ok=True)
    with _workshop(group, cancelled) as shop:
        if packages := _packages(tools):
            shop.go("list", "-deps", f"-tags={group.tags}", *packages)


def build(group: Group, tools: Sequence[Tool], cancelled: threading.Event) -> dict[str, Path]:
    """Build tools of one group into the cache and return their paths there, by name.

    Raises:
        SourceFailed: with the cause.
        OSError: the cache cannot be written.
    """
    golang.check(catalog.RECIPES / group.name)
    with _workshop(group, cancelled) as shop:
        out = shop.scratch.with_name("out")
        out.mkdir()
        if packages := _packages(tools):
            options = (*catalog.BUILD_FLAGS, f"-tags={group.tags}", "-ldflags", group.ldflags)
            shop.go("build", *options, "-o", f"{out}/", *packages)
        for tool in tools:
            if tool.script and shop.sources:
                shutil.copyfile(shop.sources / tool.script, out / tool.name)
        return {tool.name: _keep(tool, out) for tool in tools}


@contextlib.contextmanager
def _workshop(group: Group, cancelled: threading.Event) -> Iterator[_Workshop]:
    with cache.staging() as draft:
        recipe = draft / "recipe"
        shutil.copytree(catalog.RECIPES / group.name, recipe)  # go may complete files there, and sources are added
        scratch = draft / "go"
        scratch.mkdir()
        log = _log(group)
        sources = None
        if group.sources:
            sources = golang.module_folder(group.sources, recipe=recipe, scratch=scratch, log=log, cancelled=cancelled)
            for file in group.embed:
                shutil.copyfile(sources / file, recipe / Path(file).name)
        yield _Workshop(group, recipe, scratch, log, cancelled, sources)


def _log(group: Group) -> Path:
    return paths.cache() / "logs" / f"build-{group.name}.log"


def _packages(tools: Sequence[Tool]) -> list[str]:
    return [tool.package for tool in tools if tool.package]


def _keep(tool: Tool, out: Path) -> Path:
    return cache.put_tool(out / (tool.produces or tool.name), folder(tool), "build")


def folder(tool: Tool) -> Path:
    """Where the cache keeps a built tool."""
    return cache.entry("tools", tool.name, f"{tool.version}-{tool.recipe()[:12]}")
