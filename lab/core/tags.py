"""The tags by which the project knows what is its own: on Azure's resources, and as an output of every stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PROJECT = "istio-lab"
"""The value of the tag `project`, which nothing of anybody else's has."""

OUTPUT = "tags"
"""The stack's output that holds them."""


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What a stack says of itself.

    Attributes:
        stack: its name.
        owner: whose it is.
        expires: a day or a moment, as it was set; empty for never.
        class_: the class that it belongs to.
        student: whom it was made for.
    """

    stack: str
    owner: str = ""
    expires: str = ""
    class_: str = ""
    student: str = ""


def tags(*, stack: str, owner: str, expires: str, class_: str = "", student: str = "") -> dict[str, str]:
    """The tags of a stack; what is empty is left out.

    Args:
        stack: its name.
        owner: whose it is.
        expires: a day or a moment.
        class_: the class that it belongs to.
        student: whom it was made for.
    """
    all_ = {
        "project": PROJECT,
        "stack": stack,
        "owner": owner,
        "expires": expires,
        "class": class_,
        "student": student,
    }
    return {name: value for name, value in all_.items() if value}


def read(found: object, *, stack: str) -> Tags | None:
    """The tags of a stack; None unless they are the project's own and name this very stack.

    Args:
        found: what a stack's output or Azure gave.
        stack: the name that they must have.
    """
    if not isinstance(found, Mapping) or found.get("project") != PROJECT or found.get("stack") != stack:
        return None
    return Tags(
        stack=stack,
        **{
            name: str(found.get(key) or "")
            for name, key in (("owner", "owner"), ("expires", "expires"), ("class_", "class"), ("student", "student"))
        },
    )
