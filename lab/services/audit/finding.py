"""Results of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AuditVerdict(StrEnum):
    """Result for one thing; only `LEFT` fails an audit."""

    CLEAN = "clean"
    LEFT = "left"
    KEPT = "kept by setting"
    UNSEEN = "not seen"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Result for one kind of leftovers; `remedy` holds the commands that remove them."""

    looked_at: str
    verdict: AuditVerdict
    left: tuple[str, ...] = ()
    note: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """All findings of a stack."""

    stack: str
    target: str
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return all(finding.verdict is not AuditVerdict.LEFT for finding in self.findings)


def of(looked_at: str, left: Sequence[str], *, note: str = "", remedy: str = "") -> Finding:
    """A finding that is clean if nothing is left, and has the remedy otherwise."""
    if not left:
        return Finding(looked_at=looked_at, verdict=AuditVerdict.CLEAN, note=note)
    return Finding(looked_at=looked_at, verdict=AuditVerdict.LEFT, left=tuple(left), note=note, remedy=remedy)
