"""The decision which expired labs end. Pure, and it never touches what is not the project's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.services.classes.plan import Decision, Verb
from lab.settings import Target, expiry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lab.core.tags import Tags


class ExpiryAction(StrEnum):
    """The action on an expired lab."""

    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A stack of the backend.

    Attributes:
        stack: its name.
        tags: the project's tags on it; None if it has none of this project and this stack.
        target: of its settings.
        expires: the later of its tags' and its settings' expiry; None if its tags say never.
        platform: name of the stack whose cluster it shares; empty for a cluster of its own.
        trouble: why it cannot be ended from here; empty if it can.
    """

    stack: str
    tags: Tags | None
    target: str = Target.EMBEDDED
    expires: datetime | None = None
    platform: str = ""
    trouble: str = ""


def select(
    found: Iterable[Found],
    now: datetime,
    roster_expires: Mapping[str, datetime],
    *,
    action: ExpiryAction = ExpiryAction.DESTROY,
) -> list[Decision]:
    """Decide about every stack. A stack without the project's tags is always kept, whatever else is known of it.

    A shared cluster is kept as long as any stack on it is kept.

    Args:
        found: the stacks of the backend.
        now: the time that expiry is compared with.
        roster_expires: when stacks expire by the class file; the later of that and the stack's own expiry counts, and
            never is later than any time.
        action: what happens to expired stacks.
    """
    stacks = list(found)
    decisions = [decide(each, now, roster_expires.get(each.stack), action) for each in stacks]
    kept = {each.stack for each in decisions if not each.acts}
    needed_by = {each.platform: each.stack for each in stacks if each.platform and each.stack in kept}
    return [
        keep_for(each, needed_by[each.stack]) if each.acts and each.stack in needed_by else each for each in decisions
    ]


def decide(found: Found, now: datetime, roster: datetime | None, action: ExpiryAction) -> Decision:
    """Decide about one stack, without regard to others on its cluster."""
    expires = expiry.later(found.expires, roster) if found.expires else None
    why = _kept(found, expires, now, action)
    if why or expires is None:
        return Decision(stack=found.stack, verb=Verb.KEEP, reason=why or "it never expires")
    reason = f"expired {expiry.length(now - expires)} ago, on {expiry.spell(expires)}"
    return Decision(stack=found.stack, verb=Verb(action.value), reason=reason)


def keep_for(decision: Decision, share: str) -> Decision:
    """Keep a cluster after all, because the stack `share` is on it."""
    return Decision(stack=decision.stack, verb=Verb.KEEP, reason=f"{share} has a share of its cluster and is kept")


def _kept(found: Found, expires: datetime | None, now: datetime, action: ExpiryAction) -> str:
    """Return why a stack is kept, unless it is because it never expires; empty if it is not kept."""
    if found.trouble:
        return found.trouble
    if found.tags is None or found.tags.stack != found.stack:
        return "it has no tags of this project"
    if expires is not None and not expiry.expired(expires, now):
        extended = found.expires is not None and expires > found.expires
        until = f"until {expiry.spell(expires)}, {expiry.length(expires - now)} from now"
        return f"extended in the class file {until}" if extended else f"not expired: it stays {until}"
    if expires is not None and action is ExpiryAction.STOP and found.target != Target.AZURE:
        return f"expired on {expiry.spell(expires)}, but only a cluster on Azure can be stopped"
    return ""
