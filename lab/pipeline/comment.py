"""A preview as people read it beside a pull request: which resources, never which values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import previews

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "<!-- istio-lab preview of {stack} -->"
"""By which a former comment is known, so that it is written again instead of a second one."""

_QUIET = {"same", "read", "refresh"}

_VERBS = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "**replace**",
    "create-replacement": "**replace**",
    "delete-replaced": "**replace**",
    "import": "import",
}
_ORDER = ("**replace**", "delete", "update", "create", "import")
"""What takes something away stands first."""

_MOST = 300
"""Rows: hosts refuse comments of more than 65,536 characters."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would happen to one resource.

    Attributes:
        verb: what would happen.
        type: its type token.
        name: its logical name.
        properties: the paths of what would be different; empty for what is new or goes.
    """

    verb: str
    type: str
    name: str
    properties: tuple[str, ...]


def changes(preview: str) -> tuple[Change, ...]:
    """What an update would do, one entry for each resource that it touches, the gravest first.

    Args:
        preview: the output of `pulumi preview --json`.

    Raises:
        LabError: it cannot be read, or the preview failed.
    """
    found: dict[str, Change] = {}
    for step in previews.steps(preview):
        if step["op"] in _QUIET:
            continue
        change = _change(step)
        former = found.get(step["urn"])
        if former is None or _grave(change) < _grave(former) or not former.properties:
            found[step["urn"]] = change
    return tuple(sorted(found.values(), key=lambda each: (_grave(each), each.type, each.name)))


def markdown(preview: str, *, stack: str) -> str:
    """The text of the comment.

    Args:
        preview: the output of `pulumi preview --json`.
        stack: its name.

    Raises:
        LabError: the preview cannot be read, or it failed.
    """
    found = changes(preview)
    lines = [MARK.format(stack=stack), f"### `pulumi preview` of stack `{stack}`", ""]
    if not found:
        return "\n".join([*lines, "Nothing would change.", ""])
    counts = Counter(each.verb for each in found)
    lines.append(", ".join(f"{counts[verb]} to {verb}" for verb in _ORDER if counts[verb]))
    if counts["**replace**"] or counts["delete"]:
        lines += ["", "Something would go: look at what is replaced or deleted before you merge."]
    return "\n".join([*lines, "", *_table(found), ""])


def _table(found: Sequence[Change]) -> list[str]:
    rows = [
        f"| {each.verb} | `{each.type}` | `{each.name}` | {', '.join(f'`{path}`' for path in each.properties)} |"
        for each in found[:_MOST]
    ]
    more = [f"| | | {len(found) - _MOST} more | |"] if len(found) > _MOST else []
    head = ["| | Type | Name | Properties |", "|---|---|---|---|"]
    return [
        "<details><summary>Every resource that would be touched</summary>",
        "",
        *head,
        *rows,
        *more,
        "",
        "</details>",
    ]


def _change(step: dict[str, Any]) -> Change:
    _, _, types, name = str(step["urn"]).split("::", 3)
    operation = str(step["op"])
    verb = _VERBS.get(operation, operation)
    shown = verb in {"update", "**replace**"}
    properties = tuple(step.get("detailedDiff") or step.get("diffReasons") or ()) if shown else ()
    return Change(verb=verb, type=types.rsplit("$", 1)[-1], name=name, properties=tuple(map(_path, properties)))


def _path(path: str) -> str:
    # Bars would end a cell, back quotes the code in it.
    return str(path).replace("|", "\\|").replace("`", "'")


def _grave(change: Change) -> int:
    return _ORDER.index(change.verb) if change.verb in _ORDER else -1
