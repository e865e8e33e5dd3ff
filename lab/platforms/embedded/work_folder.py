"""kwokctl's work folder inside the folder of a stack, wherever that lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CLUSTER = "lab"
"""kwokctl's name for the cluster; its folder is private to one lab, so one name serves all."""

_NAMED, _BELOW_HOME = "kwok", ".kwok"
"""The folder that a variable names, and kwokctl's own below HOME. Of the former it reads the first word alone."""


def of(directory: Path) -> Path:
    """Return the work folder below the folder of a stack; one that was moved to a path with a space gets its name."""
    named, below_home = directory / _NAMED, directory / _BELOW_HOME
    if any(character.isspace() for character in str(directory)):
        if named.is_dir() and not below_home.exists():
            named.rename(below_home)
        return below_home
    return below_home if below_home.is_dir() else named


def cluster(directory: Path) -> Path:
    """Return the folder of the cluster in the work folder."""
    return of(directory) / "clusters" / _CLUSTER


def variables(directory: Path) -> dict[str, str]:
    """Return the variable by which kwokctl finds its work folder."""
    work = of(directory)
    return {"HOME": str(directory)} if work.name == _BELOW_HOME else {"KWOK_WORKDIR": str(work)}


def options() -> tuple[str, str]:
    """Return kwokctl's option for the name of the cluster."""
    return "--name", _CLUSTER
