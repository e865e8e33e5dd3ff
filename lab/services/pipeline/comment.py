"""A preview as people read it beside a pull request: which resources, never which values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import previews

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

_LONGEST = 60_000
"""Characters: GitHub and Gitea refuse comments of more than 65,536."""

_MOST_PATHS = 8
"""Of one resource; who wants all asks `pulumi preview --diff`."""

_NOTICE = "Something would go: look at what is replaced or deleted before you merge."


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
        if former is None or _weight(change) < _weight(former):
            found[step["urn"]] = change
    return tuple(sorted(found.values(), key=lambda each: (_rank(each.verb), each.type, each.name)))


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
    lines += ["| | Resources |", "|---|---:|"]
    lines += [f"| {verb} | {counts[verb]} |" for verb in sorted(counts, key=_rank)]
    if counts["**replace**"] or counts["delete"]:
        lines += ["", _NOTICE]
    return "\n".join([*lines, "", *_detail(found), ""])


def totals(preview: str) -> dict[str, int]:
    """How many resources would be made, changed and deleted, as GitLab reads it; a replacement is one of two kinds.

    Args:
        preview: the output of `pulumi preview --json`.

    Raises:
        LabError: the preview cannot be read, or it failed.
    """
    counts = Counter(each.verb for each in changes(preview))
    replaced = counts["**replace**"]
    return {
        "create": counts["create"] + counts["import"] + replaced,
        "update": counts["update"],
        "delete": counts["delete"] + replaced,
    }


def _detail(found: Sequence[Change]) -> list[str]:
    """A table that people open, as much of it as a comment may hold."""
    rows: list[str] = []
    length = 0
    for each in found:
        row = f"| {each.verb} | {_code(each.type)} | {_code(each.name)} | {_paths(each.properties)} |"
        length += len(row) + 1
        if length > _LONGEST:
            rows.append(f"| | | {len(found) - len(rows)} more | |")
            break
        rows.append(row)
    return [
        "<details><summary>Every resource that would be touched</summary>",
        "",
        "| | Type | Name | Properties |",
        "|---|---|---|---|",
        *rows,
        "",
        "</details>",
    ]


def _paths(properties: Sequence[str]) -> str:
    more = [f"{len(properties) - _MOST_PATHS} more"] if len(properties) > _MOST_PATHS else []
    return ", ".join([*map(_code, properties[:_MOST_PATHS]), *more])


def _code(text: str) -> str:
    """A text as code inside of a table's cell: bars would end the cell, back quotes the code."""
    return f"`{' '.join(text.split()).replace('|', chr(92) + '|').replace('`', chr(39))}`"


def _change(step: dict[str, Any]) -> Change:
    _, _, types, name = str(step["urn"]).split("::", 3)
    operation = str(step["op"])
    verb = _VERBS.get(operation, operation)
    shown = verb in {"update", "**replace**"}
    properties = tuple(step.get("detailedDiff") or step.get("diffReasons") or ()) if shown else ()
    return Change(verb=verb, type=types.rsplit("$", 1)[-1], name=name, properties=tuple(map(str, properties)))


def _weight(change: Change) -> tuple[int, bool]:
    """The engine tells a replacement in three steps, of which one has its causes; the least weight counts."""
    return _rank(change.verb), not change.properties


def _rank(verb: str) -> int:
    """What nobody knows stands first of all."""
    return _ORDER.index(verb) if verb in _ORDER else -1
