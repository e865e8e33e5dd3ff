"""The pinned tools of the lab: found, downloaded or built, and put where Pulumi and the lab look for them.

Importing this is cheap, and `ensure` takes milliseconds once all is there: what only doctors and cleaners need is
loaded when they call.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lab.adapters import files
from lab.core import paths
from lab.toolchain.catalog import DEFAULT, EMBEDDED, LOAD, OBSERVABILITY, ON_DEMAND, OPTIONAL, TESTS
from lab.toolchain.ondemand import bring, offer
from lab.toolchain.resolve import attempt, ensure, path

if TYPE_CHECKING:
    from lab.core.progress import Progress
    from lab.toolchain.status import ToolStatus

__all__ = [
    "DEFAULT",
    "EMBEDDED",
    "LOAD",
    "OBSERVABILITY",
    "ON_DEMAND",
    "OPTIONAL",
    "TESTS",
    "attempt",
    "bring",
    "bring_artifacts",
    "ensure",
    "offer",
    "path",
    "prune_go_cache",
    "report",
    "verify",
]


def bring_artifacts(progress: Progress | None = None, *, look_again: bool = False) -> None:
    """Have the charts and manifests, and the dashboards that can be had.

    Args:
        progress: shows what takes long; by default in plain lines on standard output, which the engine shows.
        look_again: try dashboards again that could not be had before.

    Raises:
        LabError: no source has an artifact, or the lock file is wrong.
    """
    from lab.core.progress import Progress
    from lab.toolchain import artifacts, dashboards

    progress = progress or Progress(sys.stdout)
    files.folder(paths.home())
    artifacts.ensure(progress=progress)
    dashboards.ensure(again=look_again, progress=progress)


def report() -> list[ToolStatus]:
    """The state of every tool, for `lab doctor`; changes nothing and needs no network.

    Raises:
        LabError: the lock file is wrong.
    """
    from lab.toolchain import status

    return status.report()


def verify() -> list[str]:
    """The cached tools in use whose bytes are not those that were put there, each as a sentence with its remedy."""
    from lab.toolchain import status

    return status.verify()


def prune_go_cache() -> int:
    """Delete what builds leave (several GB; the tools stay) and return the bytes that this freed."""
    from lab.toolchain import status

    return status.prune_go_cache()
