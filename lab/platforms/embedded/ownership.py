"""The Pulumi backend that keeps the state of the lab in a folder.

Two backends may each have a stack of one name, and both would use the folder of that name. A control plane that is
created removes what runs there, as the remains of an update that was killed; it must not be another backend's lab.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lab.adapters import files
from lab.core.errors import LabError
from lab.platforms.embedded import control_plane

if TYPE_CHECKING:
    from pathlib import Path


def require_own(directory: Path) -> None:
    """Refuse to create a control plane where one runs whose state is in another backend.

    Raises:
        LabError: with both backends, and both ways out.
    """
    note = _note(directory)
    owner = note.read_text(encoding="utf-8") if note.is_file() else ""
    if owner and owner != _backend() and control_plane.runs_partly(directory):
        raise LabError(
            f"A lab of this name runs already in {directory}. Its state is in {owner}, not in {_backend()}.",
            "Use that backend (`lab` takes it from ISTIO_LAB_BACKEND_URL), take the lab down there, "
            "or give this stack another name.",
        )


def claim(directory: Path) -> None:
    """Note the backend of this update as that of the lab in the folder."""
    files.write(_note(directory), _backend())


def _backend() -> str:
    return os.environ.get("PULUMI_BACKEND_URL") or "the backend that pulumi is logged in to"


def _note(directory: Path) -> Path:
    return directory / "backend"
