"""What an image is called: which tags there may be, and which one a build gets by itself."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from datetime import date

_CONTENT_LENGTH = 12
"""Hexadecimal digits of the content's hash in a tag: the chance of two contents with the same is one in 10**14."""

_CONTENT = "content-"
"""Before the hash, in the tag by which the content of an image is known in a registry."""

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
"""The grammar of tags, by the OCI distribution specification."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The state of the sources in git.

    Attributes:
        commit: its short name; empty without git.
        dirty: whether the sources differ from the commit.
    """

    commit: str
    dirty: bool


def content_tag(content_hash: str) -> str:
    """The tag that says what is in an image.

    Args:
        content_hash: SHA-256 in hex, of all that the image is made of.
    """
    return f"{_CONTENT}{content_hash[:_CONTENT_LENGTH]}"


def digest(text: str) -> str:
    """A hash of some text, as long as a content's in a tag."""
    return hashlib.sha256(text.encode()).hexdigest()[:_CONTENT_LENGTH]


def is_content_tag(tag: str) -> bool:
    """Whether a tag is the lab's own mark, which nobody chooses."""
    return tag.startswith(_CONTENT)


def unique_tag(day: date, revision: Revision, content_hash: str) -> str:
    """The tag of a build: it sorts by day, leads to the commit, and is another one for another content.

    Args:
        day: of the build, in UTC.
        revision: what git says of the sources.
        content_hash: SHA-256 in hex, of all that the image is made of.
    """
    parts = [f"{day:%Y%m%d}", revision.commit, "dirty" if revision.dirty else "", content_hash[:_CONTENT_LENGTH]]
    return "-".join(part for part in parts if part)


def require_tag(tag: str) -> None:
    """Refuse a tag that moves, that the lab needs for itself, or that cannot be.

    Raises:
        LabError: why, and what is allowed.
    """
    if tag == "latest":
        raise LabError(
            "the tag latest is not used here: it means another image tomorrow, so there would be no way back",
            "leave --tag out for a tag of its own, or choose one such as v2",
        )
    if is_content_tag(tag):
        raise LabError(
            f"the tag {tag} is not yours to choose: the lab marks contents with tags that begin so",
            "leave --tag out, or choose one such as v2",
        )
    if not _TAG.fullmatch(tag):
        raise LabError(
            f"--tag {tag!r} is no tag",
            "allowed are at most 128 letters, digits, dots, hyphens and underscores, the first no dot and no hyphen",
        )


def require_app(app: str, known: tuple[str, ...]) -> None:
    """Refuse what the lab has no sources of.

    Raises:
        LabError: which applications there are.
    """
    if app not in known:
        lower = f"; names of images are lower-case: {app.lower()}" if app.lower() in known else ""
        raise LabError(f"there is no application {app!r} here{lower}", f"name one of: {', '.join(known)}")
