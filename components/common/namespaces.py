"""Where the course's objects are: in the namespaces of its notes, or in a student's own on a shared cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi


@dataclass(frozen=True, kw_only=True)
class Place:
    """A namespace to put things in.

    Attributes:
        key: what the notes call it; logical names are made of it, so that they do not depend on the student.
        name: what the cluster calls it.
        after: what has to be there first.
    """

    key: str
    name: str
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)


DEFAULT = Place(key="default", name="default")
"""Every cluster has it."""
