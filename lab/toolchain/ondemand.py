"""Tools that come when they are first asked for: until then, a script of the same name stands in for each on PATH."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from lab.adapters import files
from lab.core import paths
from lab.core.progress import Progress
from lab.toolchain import resolve
from lab.toolchain.catalog import ON_DEMAND, TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def offer(names: Sequence[str] = ON_DEMAND) -> None:
    """Put on PATH what is in the cache, and stand-ins for the rest; takes milliseconds once that is done.

    Raises:
        LabError: the lock file is wrong.
    """
    there = resolve.resolved()
    missing = [name for name in names if name not in there and not _stands_in(name)]
    if not missing:
        return
    resolve.ensure_cached(missing)
    there = resolve.resolved()
    for name in missing:
        if name not in there:
            files.folder(paths.bin_dir())
            files.write(paths.bin_dir() / name, _stand_in(name)).chmod(0o700)


def bring(names: Sequence[str], progress: Progress | None = None) -> list[Path]:
    """Have tools that nothing has brought yet, with a word before; return their files.

    Raises:
        LabError: as `resolve.ensure`.
    """
    there = resolve.resolved()
    if missing := [name for name in names if name not in there]:
        from lab.toolchain import forecast

        progress = progress or Progress()
        for name in missing:
            if name in TOOLS:
                found = forecast.of(name)
                progress.line(f"{name} is used here for the first time, so it comes now, once: {found}")
        resolve.ensure(names, progress=progress)
    return [resolve.path(name) for name in names]


def _stands_in(name: str) -> bool:
    place = paths.bin_dir() / name
    usable = not place.is_symlink() and os.access(place, os.X_OK)
    return usable and place.read_text(encoding="utf-8") == _stand_in(name)


def _stand_in(name: str) -> str:
    home, lab = (shlex.quote(str(path.absolute())) for path in (paths.home(), paths.bin_dir() / "lab"))
    return (
        f"#!/bin/sh\n# Stands in for {name} until it is first asked for: brings it, then runs it.\n"
        f'program=$(ISTIO_LAB_HOME={home} {lab} bring {name}) || exit\nexec "$program" "$@"\n'
    )
