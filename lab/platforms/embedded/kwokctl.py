"""The program that makes and starts control planes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from lab.platforms.embedded import work_folder

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kwokctl"


def at_work(directory: Path) -> list[psutil.Process]:
    """Return those that work on the cluster of a stack's folder; not every one names it on its command line."""
    variables = work_folder.variables(directory).items()
    found = []
    for each in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if each.info["name"] == NAME and variables <= each.environ().items():
                found.append(each)
    return found
