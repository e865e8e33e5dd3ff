"""The claim of a Pulumi backend on the lab in a folder: it keeps the state.

Two backends may each have a stack of one name, and both would use the folder of that name. A control plane that is
created removes what runs there, as the remains of an update that was killed, and so does the `down` of a stack without
one; it must not be another backend's lab.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lab.adapters import backend, files
from lab.core.errors import LabError
from lab.platforms.embedded import control_plane

if TYPE_CHECKING:
    from pathlib import Path


def require_own(directory: Path) -> None:
    """Refuse to create a control plane where one runs whose state is in another backend.

    Raises:
        LabError: with both backends, and both ways out.
    """
    file = _file(directory)
    owner = file.read_text(encoding="utf-8") if file.is_file() else ""
    if owner and owner != _backend() and control_plane.runs_partly(directory):
        raise LabError(
            f"A lab of this name runs already in {directory}. Its state is in {owner}, not in {_backend()}.",
            "Use that backend (`lab` takes it from ISTIO_LAB_BACKEND_URL), take the lab down there, "
            "or give this stack another name.",
        )


def require_removable(directory: Path, *, suffix: str) -> None:
    """Refuse to remove a lab that the backend of this command knows nothing of, and another one keeps.

    Args:
        directory: of the stack.
        suffix: what a `make` command needs behind it to mean the stack.

    Raises:
        LabError: with the backend that keeps it, and both ways out.
    """
    if owner := backend.keeper(directory):
        raise LabError(
            f"the lab in {directory} was made with its state in {owner}, not in {backend.described()}",
            f"take it down there: {_choice(owner)} make down{suffix}; if that state is gone, remove every lab of this "
            "folder: make clean",
        )


def note(directory: Path) -> None:
    """Note the backend of this update as that of the lab in the folder."""
    files.write(_file(directory), _backend())


def _choice(owner: str) -> str:
    """Return what a command needs in front of it to work with a backend."""
    if owner == backend.own():
        return f"env -u {backend.VARIABLE}"
    # Its login was left out of the claim, or it was not known.
    address = backend.LOGIN if "...@" in owner or "://" not in owner else owner
    return f"{backend.VARIABLE}={shlex.quote(address)}"


def _backend() -> str:
    """Return the address of the backend that runs this update, without a password."""
    return backend.masked(backend.of_pulumi()) or "a backend that is not known"


def _file(directory: Path) -> Path:
    return directory / backend.CLAIM
