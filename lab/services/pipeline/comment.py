"""Summary of a preview for a pull request: names of resources and properties, never values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters import previews

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "<!-- istio-lab preview of {stack} -->"
"""Identifies the comment of an earlier run, which is replaced."""

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
"""Destructive changes first."""

_COMMENT_LENGTH = 60_000
"""GitHub and Gitea refuse comments of more than 65,536 characters."""

_MOST_PATHS = 8
"""Properties that are named for one resource; `pulumi preview --diff` shows all."""

_NOTICE = "Something would go: look at what is replaced or deleted before you merge."


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """ResourceChange of one resource; `properties` are paths, empty for created and deleted resources."""

    verb: str
    type: str
    name: str
    properties: tuple[str, ...]


def changes(preview: str) -> tuple[ResourceChange, ...]:
    """Changes in the output of `pulumi preview --json`, one for each resource, the most destructive first.

    Raises:
        LabError: it cannot be parsed, or the preview failed.
    """
    found: dict[str, ResourceChange] = {}
    for step in previews.steps(preview):
        if step["op"] in _QUIET:
            continue
        change = _change(step)
        former = found.get(step["urn"])
        if former is None or _weight(change) < _weight(former):
            found[step["urn"]] = change
    return tuple(sorted(found.values(), key=lambda each: (_rank(each.verb), each.type, each.name)))


def markdown(preview: str, *, stack: str) -> str:
    """The comment on a preview."""
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
    """Numbers of created, updated and deleted resources for GitLab; a replacement counts as created and deleted."""
    counts = Counter(each.verb for each in changes(preview))
    replaced = counts["**replace**"]
    return {
        "create": counts["create"] + counts["import"] + replaced,
        "update": counts["update"],
        "delete": counts["delete"] + replaced,
    }


def _detail(found: Sequence[ResourceChange]) -> list[str]:
    """A collapsed table of resources, cut to the length of a comment."""
    rows: list[str] = []
    length = 0
    for each in found:
        row = f"| {each.verb} | {_code(each.type)} | {_code(each.name)} | {_paths(each.properties)} |"
        length += len(row) + 1
        if length > _COMMENT_LENGTH:
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
    """Format code for a table cell, where bars and back quotes are special."""
    return f"`{' '.join(text.split()).replace('|', chr(92) + '|').replace('`', chr(39))}`"


def _change(step: dict[str, Any]) -> ResourceChange:
    _, _, types, name = str(step["urn"]).split("::", 3)
    operation = str(step["op"])
    verb = _VERBS.get(operation, operation)
    shown = verb in {"update", "**replace**"}
    properties = tuple(step.get("detailedDiff") or step.get("diffReasons") or ()) if shown else ()
    return ResourceChange(verb=verb, type=types.rsplit("$", 1)[-1], name=name, properties=tuple(map(str, properties)))


def _weight(change: ResourceChange) -> tuple[int, bool]:
    """Order of steps: a replacement has three, of which the one with properties is the lowest."""
    return _rank(change.verb), not change.properties


def _rank(verb: str) -> int:
    """Rank of a verb; unknown ones come first."""
    return _ORDER.index(verb) if verb in _ORDER else -1
