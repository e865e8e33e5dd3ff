"""Resolution of tools: have them at their pinned versions, and find the file of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import catalog, resolution
from lab.toolchain.catalog import DEFAULT, TOOLS, Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.toolchain.download import Limits
    from lab.toolchain.sources import Found


def ensure(names: Sequence[str] = DEFAULT, *, progress: Progress | None = None, limits: Limits | None = None) -> None:
    """Have tools at their pinned versions: on PATH through `paths.bin_dir()`, plugins below `paths.pulumi_home()`.

    Takes milliseconds when nothing changed since the last time.

    Raises:
        LabError: a name is unknown, no source has a tool, the lock file is wrong, or the disk is full.
    """
    if unknown := [name for name in names if name not in TOOLS]:
        raise LabError(f"Unknown tools: {', '.join(unknown)}.", f"The lab knows {', '.join(TOOLS)}.")
    inputs = _inputs()
    entries = resolution.read(_resolution_file(), inputs)
    missing = [TOOLS[name] for name in names if name not in entries]
    if not missing:
        return
    from lab.toolchain import lockfile, sources

    found = sources.Search(lockfile.load(), progress or Progress(quiet=True), limits).run(missing)
    entries |= {tool.name: _install(tool, found[tool.name]) for tool in missing}
    resolution.write(_resolution_file(), inputs, entries)


def ensure_cached(names: Sequence[str]) -> None:
    """Have those tools that are in the cache, and ask no other source for the rest.

    Raises:
        LabError: the lock file is wrong.
    """
    inputs = _inputs()
    entries = resolution.read(_resolution_file(), inputs)
    from lab.toolchain import lockfile, sources

    lock = lockfile.load()
    found = {name: sources.in_cache(lock, TOOLS[name]) for name in names if name not in entries}
    if added := {name: _install(TOOLS[name], each) for name, each in found.items() if each}:
        resolution.write(_resolution_file(), inputs, entries | added)


def attempt(name: str, progress: Progress) -> str:
    """Try once to have an optional tool, and return the cause if no source has it; empty when it is there."""
    if name in resolved():
        return ""
    from lab.toolchain.download import Limits

    try:
        with progress.step(f"looking for {name}"):
            ensure([name], limits=Limits(connect=3, tries=1))
    except LabError as error:
        cause, *details = (line.strip() for line in error.message.splitlines())
        return f"{cause} {'; '.join(details)}".rstrip()
    return ""


def path(name: str) -> Path:
    """Return the real file of a tool that `ensure` found.

    Raises:
        LabError: it was not resolved yet.
    """
    entry = resolved().get(name)
    if not entry:
        raise LabError(f"The tool {name} is not there.", "Run `lab setup`.")
    return entry.path


def resolved() -> dict[str, resolution.Entry]:
    """Return the tools that the last `ensure` found and that are still there, by name."""
    return resolution.read(_resolution_file(), _inputs())


def _install(tool: Tool, found: Found) -> resolution.Entry:
    if tool.plugin:
        folder = paths.pulumi_home() / "plugins" / tool.plugin
        link = folder / tool.name
        resolution.link(found.path, link)
        # The engine takes a plugin with this file beside it for one whose installation was cut off.
        folder.with_name(f"{folder.name}.partial").unlink(missing_ok=True)
    else:
        link = paths.bin_dir() / tool.name
        (resolution.place if tool.beside else resolution.link)(found.path, link)
    return resolution.Entry(found.path, link, found.origin, resolution.fingerprint(found.path))


def _resolution_file() -> Path:
    return paths.home() / "toolchain.json"


def _inputs() -> str:
    pins = (resolution.LOCK_FILE, Path(versions.__file__), Path(catalog.__file__))
    return resolution.hash_of((*pins, *catalog.RECIPES.glob("*/*")))
