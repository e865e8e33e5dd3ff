"""Until when a lab is wanted. Every moment is UTC, and none of these functions looks at a clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

ALLOWED = (
    'a UTC day such as "2026-12-24", which counts to its end, a UTC moment such as "2026-12-24T18:00Z", or nothing'
)

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", re.ASCII)

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAYS_FROM = timedelta(days=2)
"""From here on a length of time is told in days."""


def parse(text: str) -> datetime | None:
    """The moment from which on something has expired; None for never.

    Args:
        text: a day, which counts to its end, a moment, or nothing.

    Raises:
        ValueError: it is none of these, or not in the calendar.
    """
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        if _MOMENT.fullmatch(text):
            return datetime.strptime(text, "%Y-%m-%dT%H:%M%z")
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"found {text!r}; allowed: {ALLOWED}")


def spell(moment: datetime) -> str:
    """A moment as `parse` reads it; what is left of a minute is given, not taken."""
    exact = moment.astimezone(UTC)
    whole = exact.replace(second=0, microsecond=0)
    return f"{(whole if whole == exact else whole + _MINUTE).replace(tzinfo=None).isoformat(timespec='minutes')}Z"


def expired(expires: datetime | None, now: datetime) -> bool:
    """Whether that moment has come; what never expires has not."""
    return expires is not None and expires <= now


def extended(since: datetime, by: timedelta) -> datetime:
    """When something expires that is extended: the time is counted from the extension, not from the beginning.

    Args:
        since: now, or the moment at which it would have expired if that is later.
        by: for how long.

    Raises:
        ValueError: that is no time, or beyond the calendar.
    """
    if by <= timedelta():
        raise ValueError("an extension is longer than nothing")
    try:
        return since + by
    except OverflowError:
        raise ValueError("no calendar goes so far") from None


def later(moment: datetime, other: datetime | None) -> datetime:
    """The later of two moments, of which the other may not be there."""
    return moment if other is None else max(moment, other)


def length(span: timedelta) -> str:
    """A length of time for people, in whole minutes, hours or days."""
    if span < _HOUR:
        return f"{span // _MINUTE} min"
    return f"{span // _HOUR} h" if span < _DAYS_FROM else f"{span.days} days"
