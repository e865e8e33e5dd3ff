"""The program that makes and starts control planes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kwokctl"

FOLDER = "KWOK_WORKDIR"
"""The variable by which it finds its clusters."""


def at_work(folder: Path) -> list[psutil.Process]:
    """Return those that work on the clusters in a folder; not every one names it on its command line."""
    found = []
    for each in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if each.info["name"] == NAME and each.environ().get(FOLDER) == str(folder):
                found.append(each)
    return found
