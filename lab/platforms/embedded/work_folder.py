"""kwokctl's work folder inside the folder of a stack, wherever that lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CLUSTER = "lab"
"""kwokctl's name for the cluster; its folder is private to one lab, so one name serves all."""


def of(directory: Path) -> Path:
    """Return the work folder below the folder of a stack."""
    return directory / (".kwok" if _is_cut(directory) else "kwok")


def cluster(directory: Path) -> Path:
    """Return the folder of the cluster in the work folder."""
    return of(directory) / "clusters" / _CLUSTER


def variables(directory: Path) -> dict[str, str]:
    """Return the variable by which kwokctl finds its work folder.

    Of the one that names the folder it reads the first word alone; what it finds below HOME it takes whole.
    """
    return {"HOME": str(directory)} if _is_cut(directory) else {"KWOK_WORKDIR": str(of(directory))}


def options() -> tuple[str, str]:
    """Return kwokctl's option for the name of the cluster."""
    return "--name", _CLUSTER


def _is_cut(directory: Path) -> bool:
    return any(character.isspace() for character in str(directory))
