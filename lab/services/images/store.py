"""The interface of image stores, and the run of their builders."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lab.adapters import files, process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_KEPT = 200
"""Last lines of output that are searched for the cause of a failure."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One tag in a store; `created` is ISO 8601, if known."""

    tag: str
    digest: str
    created: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One build of an application, with its tags, the chosen one first, and its build arguments."""

    app: str
    tags: tuple[str, ...]
    arguments: dict[str, str]


class Store(Protocol):
    """Keeps images and builds them."""

    @property
    def where(self) -> str:
        """Name of the store for messages."""

    def stored(self, app: str) -> Sequence[Stored]:
        """All tags of an application's image, the newest first."""

    def build(self, recipe: Recipe) -> None:
        """Build an image and store it under all its tags; the builder's output is shown as it comes.

        Raises:
            LabError: the build failed. Nothing that was there before is changed.
        """


def run_builder(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> process.Result:
    """Run a builder, print its output to standard error as it comes, and return the last lines."""
    kept: deque[str] = deque(maxlen=_KEPT)

    def take(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        kept.append(line)

    with process.Running(command, environment=environment, cwd=cwd, on_line=take, umask=files.READABLE) as running:
        code = running.wait()
    return process.Result(code=code or 0, stdout="\n".join(kept), stderr="")
