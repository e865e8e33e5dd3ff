"""The state of charts, manifests and dashboards, for `lab doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ArtifactStatus:
    """The state of one artifact.

    Attributes:
        name: of the artifact.
        version: of its module.
        origin: `cache (archive 2026-11-23)`, `cache (module ...)`, `changed` or `missing`.
        path: the real file or folder.
        remedy: empty when nothing is to be done.
        now: where it would come from now, and about how long that takes.
    """

    name: str
    version: str
    origin: str
    path: Path | None
    remedy: str
    now: str = "cache, at once"
