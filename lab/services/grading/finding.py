"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Attributes:
        name: of the check.
        passed: whether the lesson is solved.
        expected: what the lesson says.
        found: what was there.
        hint: what to do when it is not solved.
    """

    name: str
    passed: bool
    expected: str
    found: str
    hint: str


def counted(found: Mapping[str, int]) -> str:
    """Counts as people read them: `v1 80, v2 20`."""
    return ", ".join(f"{what} {count}" for what, count in sorted(found.items())) or "nothing"
