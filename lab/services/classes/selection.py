"""What is to be done with labs that may have expired: pure, and nothing with what is not the project's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.settings import expiry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lab.core.tags import Tags

AZURE, EMBEDDED = "azure", "embedded"
"""As the settings call the targets; the settings themselves would take a part of the command's start."""


class Action(StrEnum):
    """What happens to a lab that has expired."""

    STOP = "stop"
    DESTROY = "destroy"


class Verb(StrEnum):
    """What is to be done with a stack."""

    KEEP = "keep"
    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A stack of the backend.

    Attributes:
        stack: its name.
        tags: the project's tags on it; None when it has none of this project and this stack.
        target: where it stands.
        expires: when, by its tags or by its settings, whichever is later; None when its tags say never.
        platform: name of the stack in whose cluster it is; empty for a cluster of its own.
        trouble: why it cannot be ended from here; empty when it can.
    """

    stack: str
    tags: Tags | None
    target: str = EMBEDDED
    expires: datetime | None = None
    platform: str = ""
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be done with one stack, and why.

    Attributes:
        stack: its name.
        verb: what is to be done.
        reason: why.
    """

    stack: str
    verb: Verb
    reason: str


def select(
    found: Iterable[Found],
    now: datetime,
    roster_expires: Mapping[str, datetime],
    *,
    action: Action = Action.DESTROY,
) -> list[Decision]:
    """Decide about every stack. One without the project's tags is always kept, whatever else is known of it.

    A cluster that several share is kept for as long as anybody is kept who has a share of it.

    Args:
        found: the stacks of the backend.
        now: the moment that expiry is held against.
        roster_expires: when stacks expire by the class file; the later of that and what the stack itself says counts,
            and never is later than any moment.
        action: what happens to those that have expired.
    """
    stands = list(found)
    decisions = [decide(each, now, roster_expires.get(each.stack), action) for each in stands]
    kept = {each.stack for each in decisions if each.verb is Verb.KEEP}
    needed = {each.platform: each.stack for each in stands if each.platform and each.stack in kept}
    return [
        for_the_sake_of(each, needed[each.stack]) if each.verb is not Verb.KEEP and each.stack in needed else each
        for each in decisions
    ]


def decide(found: Found, now: datetime, roster: datetime | None, action: Action) -> Decision:
    """Decide about one stack, whoever may have a share of its cluster.

    Args:
        found: what it says of itself.
        now: the moment that expiry is held against.
        roster: when it expires by the class file.
        action: what happens if it has expired.
    """
    expires = expiry.later(found.expires, roster) if found.expires else None
    why = _kept(found, expires, now, action)
    if why or expires is None:
        return Decision(stack=found.stack, verb=Verb.KEEP, reason=why or "it never expires")
    reason = f"expired {expiry.length(now - expires)} ago, on {expiry.spell(expires)}"
    return Decision(stack=found.stack, verb=Verb(action.value), reason=reason)


def _kept(found: Found, expires: datetime | None, now: datetime, action: Action) -> str:
    """Why a stack is left alone, unless it is because it never expires; empty when it is not."""
    if found.trouble:
        return found.trouble
    if found.tags is None or found.tags.stack != found.stack:
        return "it has no tags of this project"
    if expires is not None and not expiry.expired(expires, now):
        extended = found.expires is not None and expires > found.expires
        until = f"until {expiry.spell(expires)}, {expiry.length(expires - now)} from now"
        return f"extended in the class file {until}" if extended else f"not expired: it stays {until}"
    if expires is not None and action is Action.STOP and found.target != AZURE:
        return f"expired on {expiry.spell(expires)}, but only a cluster on Azure can be stopped"
    return ""


def for_the_sake_of(decision: Decision, share: str) -> Decision:
    """Keep a stack after all.

    Args:
        decision: what would be done with it.
        share: name of the stack that needs its cluster.
    """
    return Decision(stack=decision.stack, verb=Verb.KEEP, reason=f"{share} has a share of its cluster and is kept")
