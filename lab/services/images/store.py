"""Where images are kept, and what the lab asks of such a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One tag that is there.

    Attributes:
        tag: the tag.
        digest: of the image, which never changes; the first twelve digits are enough for people.
        created: when it came, ISO 8601; empty where nobody knows.
    """

    tag: str
    digest: str
    created: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One build.

    Attributes:
        app: name of the application, of its folder, and of the image.
        tags: what the image is to be called, the chosen tag first.
        arguments: what its Dockerfile is given.
    """

    app: str
    tags: tuple[str, ...]
    arguments: dict[str, str]


class Store(Protocol):
    """A place for images, with a way to build them there."""

    @property
    def where(self) -> str:
        """The place in words, for people."""

    def stored(self, app: str) -> Sequence[Stored]:
        """Every tag of an application's image, the newest first; none when nobody has built it yet."""

    def build(self, recipe: Recipe) -> None:
        """Build an image and keep it under all its tags; what the builder says is shown as it comes.

        Raises:
            LabError: with the cause. Nothing that was there before is changed.
        """
