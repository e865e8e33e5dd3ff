"""How one source of a tool or artifact says that it cannot serve, so that the next one is tried."""

from __future__ import annotations


class SourceFailed(Exception):  # noqa: N818 - reads as the fact it states, and is always handled, never shown raw
    """A source could not give what was asked; the message is the cause, in one line."""
