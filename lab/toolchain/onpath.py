"""Tools on PATH, and their versions."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import environment, process
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.toolchain.catalog import Tool

_PATIENCE = 10.0  # seconds; the slowest of them answers in one
_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)")


@dataclass(frozen=True)
class Installed:
    """A tool on PATH.

    Attributes:
        path: where.
        version: what it says; empty when it says nothing that looks like one.
    """

    path: Path
    version: str


def find(tool: Tool) -> Installed | None:
    """Return the tool on PATH, the lab's own links left out; None when it cannot print its version."""
    if not tool.ask:
        return None
    own = paths.bin_dir().resolve()
    folders = [part for part in os.environ.get("PATH", "").split(os.pathsep) if part and Path(part).resolve() != own]
    place = shutil.which(tool.name, path=os.pathsep.join(folders))
    return Installed(Path(place).absolute(), _ask(place, tool)) if place else None


def _ask(place: str, tool: Tool) -> str:
    # Pulumi writes a log wherever its home is, and looks for a newer release of itself.
    quiet = environment.make(PULUMI_HOME=str(paths.pulumi_home()), PULUMI_SKIP_UPDATE_CHECK="true")
    try:
        answer = process.run([place, *tool.ask.split()], environment=quiet, timeout=_PATIENCE, check=False)
    except LabError:
        return ""
    found = _VERSION.search(answer.stdout)
    return found[1] if found else ""
