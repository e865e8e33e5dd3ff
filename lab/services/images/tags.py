"""Tags of images: the allowed ones, the generated ones, and whether a build is needed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from lab.services.images.store import Stored

_CONTENT_LENGTH = 12
"""Hexadecimal digits of the content's hash in a tag."""

_CONTENT = "content-"
"""Prefix of the tag that marks the content of an image in a registry."""

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
"""Grammar of tags in the OCI distribution specification."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """State of the sources in git; `commit` is short, and empty without git."""

    commit: str
    dirty: bool


def content_tag(content_hash: str) -> str:
    """The lab's own tag of a content, by the SHA-256 of all that the image is made of."""
    return f"{_CONTENT}{content_hash[:_CONTENT_LENGTH]}"


def digest(text: str) -> str:
    """Hash a text to the length of a content hash in a tag."""
    return hashlib.sha256(text.encode()).hexdigest()[:_CONTENT_LENGTH]


def is_content_tag(tag: str) -> bool:
    """Whether a tag is reserved as the lab's own."""
    return tag.startswith(_CONTENT)


def unique_tag(day: date, revision: Revision, content_hash: str) -> str:
    """The tag of a build: sorted by day, with the commit, and unique for its content."""
    parts = [f"{day:%Y%m%d}", revision.commit, "dirty" if revision.dirty else "", content_hash[:_CONTENT_LENGTH]]
    return "-".join(part for part in parts if part)


def require_tag(tag: str) -> None:
    """Refuse `latest`, reserved and malformed tags."""
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
    """Refuse an unknown application."""
    if app not in known:
        lower = f"; names of images are lower-case: {app.lower()}" if app.lower() in known else ""
        raise LabError(f"there is no application {app!r} here{lower}", f"name one of: {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class BuildDecision:
    """The tag of an image, and whether it must be built."""

    tag: str
    build: bool


def decide(*, chosen: str | None, proposed: str, content_hash: str, stored: Sequence[Stored]) -> BuildDecision:
    """Decide whether to build, from the content and what is stored; without `chosen` the tag is `proposed`.

    Raises:
        LabError: the chosen tag is taken by another content.
    """
    digests = {each.tag: each.digest for each in stored}
    same = digests.get(content_tag(content_hash))
    if chosen is None:
        former = next((each.tag for each in stored if each.digest == same and not is_content_tag(each.tag)), None)
        return BuildDecision(tag=former or proposed, build=former is None)
    if chosen not in digests:
        return BuildDecision(tag=chosen, build=True)
    if digests[chosen] == same:
        return BuildDecision(tag=chosen, build=False)
    raise LabError(
        f"the tag {chosen} is taken by another content ({short(digests[chosen])}), and a tag is never used twice: "
        "what runs under it could not be told from what is new, and there would be no way back",
        "leave --tag out for a tag of its own, or choose another; see what is there with: lab image list",
    )


def short(digest: str) -> str:
    """Shorten a digest for display."""
    return digest.removeprefix("sha256:")[:12]
