"""Where the load from this machine goes: all that the generator knows of what answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where load from this machine goes.

    Attributes:
        base: such as `http://127.0.0.1:20123`; no slash at its end.
        by: for the report: what answers, and where.
        inside: words before a command that bring it to where `base` is known, as into a network of its own.
    """

    base: str
    by: str
    inside: tuple[str, ...] = ()
