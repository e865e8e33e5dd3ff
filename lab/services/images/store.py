"""The interface of image stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


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
