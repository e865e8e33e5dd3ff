"""Whether there is anything to build: decided from the content and from what is there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.services.images.tags import content_tag, is_content_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.images.store import Stored


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What `lab image build` is going to do.

    Attributes:
        tag: what the image is, or will be, called.
        build: whether it must be built; what is there already has the same content otherwise.
    """

    tag: str
    build: bool


def decide(*, chosen: str | None, proposed: str, content_hash: str, stored: Sequence[Stored]) -> Plan:
    """What is to be done for a content.

    Args:
        chosen: the tag that the user wants; None leaves it to the lab.
        proposed: the tag that the lab would give it.
        content_hash: SHA-256 in hex, of all that the image is made of.
        stored: what is there.

    Raises:
        LabError: the chosen tag is taken by another content.
    """
    digests = {each.tag: each.digest for each in stored}
    same = digests.get(content_tag(content_hash))
    if chosen is None:
        former = next((each.tag for each in stored if each.digest == same and not is_content_tag(each.tag)), None)
        return Plan(tag=former or proposed, build=former is None)
    if chosen not in digests:
        return Plan(tag=chosen, build=True)
    if digests[chosen] == same:
        return Plan(tag=chosen, build=False)
    raise LabError(
        f"the tag {chosen} is taken by another content ({short(digests[chosen])}), and a tag is never used twice: "
        "what runs under it could not be told from what is new, and there would be no way back",
        "leave --tag out for a tag of its own, or choose another; see what is there with: lab image list",
    )


def short(digest: str) -> str:
    """A digest as people read it."""
    return digest.removeprefix("sha256:")[:12]
