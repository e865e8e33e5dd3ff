"""Builds from locked Go modules: what serves where prebuilt tools cannot be downloaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab import paths
from lab.toolchain import cache, catalog, golang

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from lab.toolchain.catalog import Group, Tool


def build(group: Group, tools: Sequence[Tool], cancelled: threading.Event) -> dict[str, Path]:
    """Build tools of one group into the cache.

    Args:
        group: whose recipe to use.
        tools: which of its tools.
        cancelled: when set, the build is ended.

    Returns:
        The tools' places in the cache, by name.

    Raises:
        SourceFailed: with the cause.
        OSError: the cache cannot be written.
    """
    golang.check(catalog.RECIPES / group.name)
    with cache.staging() as draft:
        recipe = draft / "recipe"
        shutil.copytree(catalog.RECIPES / group.name, recipe)  # go may complete files there, and sources are added
        out, scratch = draft / "out", draft / "go"
        out.mkdir()
        scratch.mkdir()
        log = paths.cache() / "logs" / f"build-{group.name}.log"
        log.unlink(missing_ok=True)
        sources = None
        if group.sources:
            sources = golang.module_folder(group.sources, recipe=recipe, scratch=scratch, log=log, cancelled=cancelled)
            for file in group.embed:
                shutil.copyfile(sources / file, recipe / Path(file).name)
        if packages := [tool.package for tool in tools if tool.package]:
            golang.run(_arguments(group, out, packages), cwd=recipe, scratch=scratch, log=log, cancelled=cancelled)
        for tool in tools:
            if tool.script and sources:
                shutil.copyfile(sources / tool.script, out / tool.name)
        return {tool.name: _keep(tool, out) for tool in tools}


def _arguments(group: Group, out: Path, packages: Sequence[str]) -> tuple[str, ...]:
    options = (*catalog.BUILD_FLAGS, f"-tags={group.tags}", "-ldflags", group.ldflags)
    return ("build", *options, "-o", f"{out}/", *packages)


def _keep(tool: Tool, out: Path) -> Path:
    return cache.put_tool(out / (tool.produces or tool.name), folder(tool), "build")


def folder(tool: Tool) -> Path:
    """Where the cache keeps a built tool."""
    return cache.entry("tools", tool.name, f"{tool.version}-{tool.recipe()[:12]}")
