"""What an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """How one thing was found."""

    CLEAN = "clean"
    LEFT = "left"
    KEPT = "kept by setting"
    UNSEEN = "not seen"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        looked_at: what it is.
        verdict: how it was found. Only what is left makes an audit fail.
        left: what is there, by name.
        note: what else is to be known.
        remedy: a command that takes it away.
    """

    looked_at: str
    verdict: Verdict
    left: tuple[str, ...] = ()
    note: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole audit.

    Attributes:
        stack: whose it is.
        target: where the lab stood.
        findings: all that was looked at.
    """

    stack: str
    target: str
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return all(finding.verdict is not Verdict.LEFT for finding in self.findings)


def of(looked_at: str, left: Sequence[str], *, note: str = "", remedy: str = "") -> Finding:
    """A finding that is clean when there is nothing, with its remedy when there is.

    Args:
        looked_at: what was looked at.
        left: what is there.
        note: what else is to be known.
        remedy: a command that takes it away.
    """
    if not left:
        return Finding(looked_at=looked_at, verdict=Verdict.CLEAN, note=note)
    return Finding(looked_at=looked_at, verdict=Verdict.LEFT, left=tuple(left), note=note, remedy=remedy)
