"""An error that nobody has foreseen, told as briefly as any other: its trace is in a file."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from lab.adapters import files
from lab.core import paths
from lab.core.errors import LabError

_ISSUES = "the project's issue tracker"

_UNUSABLE: dict[type[OSError], str] = {
    FileExistsError: "move it away",
    IsADirectoryError: "move the folder away: a file belongs there",
    NotADirectoryError: "move the file away: a folder belongs there",
    FileNotFoundError: "make it again, or see what is missing with: lab doctor",
}
"""Return the remedy for a file that cannot be used."""


def told(error: Exception) -> LabError:
    """Return any error as one that people are meant to read, and keep the trace of an unforeseen one in a file.

    A file that cannot be used is the machine's fault, and everything else the lab's own.
    """
    if isinstance(error, LabError):
        return error
    if isinstance(error, OSError):
        path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
        if known := files.refusal(error):
            return LabError(known.message, f"{known.remedy}{_elsewhere(path)}")
        remedy = next((text for kind, text in _UNUSABLE.items() if isinstance(error, kind)), "")
        if path and remedy:
            return LabError(f"{path}: {error.strerror}", f"{remedy}{_elsewhere(path)}{_where(_kept(error))}")
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    return LabError(
        f"a defect of the lab itself: {cause[:300]}",
        f"run the command again; if it comes again, report it to {_ISSUES}{_where(_kept(error))}",
    )


def _elsewhere(path: str) -> str:
    """Return the variable that puts a folder of the lab somewhere else."""
    for variable, folder in (("ISTIO_LAB_HOME", paths.home), ("ISTIO_LAB_CACHE", paths.cache)):
        with contextlib.suppress(LabError):
            if Path(path) == folder() or Path(path) in folder().parents or folder() in Path(path).parents:
                return f", or name another folder: export {variable}=FOLDER"
    return ""


def _where(trace: Path | None) -> str:
    return f" (details: {trace})" if trace else ""


def _kept(error: Exception) -> Path | None:
    """Write the trace to a file, where that is possible."""
    text = "".join(
        [
            f"{datetime.now(tz=UTC).isoformat(timespec='seconds')}\n",
            f"Python {platform.python_version()} on {platform.platform()}\n",
            f"lab {' '.join(sys.argv[1:2])}\n\n",
            *traceback.format_exception(error),
        ]
    )
    for folder in (paths.home() / "logs", Path(tempfile.gettempdir())):
        try:
            file = files.folder(folder) / "defect.log" if folder.parent == paths.home() else _new(folder)
            return files.write_bytes(file, text.encode(errors="backslashreplace"))
        except OSError:
            continue
    return None


def _new(folder: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="istio-lab-defect-", suffix=".log", dir=folder)
    os.close(descriptor)
    return Path(name)
