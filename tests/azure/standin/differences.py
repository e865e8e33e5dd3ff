"""What an update would change, and whether it can be one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.azure.standin.resources import ResourceType


@dataclass(frozen=True)
class Difference:
    """Between the inputs of a resource and its new ones.

    Attributes:
        changed: the top-level properties that differ.
        replacing: those of them that force a new resource.
        same_name: whether the new resource would have the old one's id, so that the old one must go first.
    """

    changed: tuple[str, ...]
    replacing: tuple[str, ...]
    same_name: bool


def difference(resource: ResourceType, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Compare a resource's inputs; what is unknown counts as different."""
    changed = tuple(sorted(key for key in {*old, *new} if old.get(key) != new.get(key)))
    moved = [key for key in resource.path_parameters if key in changed]
    forced = {path.partition(".")[0] for path in resource.replaces if _at(old, path) != _at(new, path)}
    return Difference(
        changed=changed,
        replacing=tuple(key for key in changed if key in forced or key in moved),
        same_name=not moved,
    )


def drifted(inputs: Any, before: Any, now: Any) -> Any:  # noqa: ANN401 - of any shape
    """Inputs as they would be, had someone asked for what Azure shows now.

    Args:
        inputs: as they were last asked for.
        before: what Azure showed then.
        now: what it shows now.
    """
    if before == now:
        return inputs
    if all(isinstance(each, dict) for each in (inputs, before, now)):
        return {
            key: drifted(value, before.get(key), now.get(key))
            for key, value in inputs.items()
            if key in now or key not in before
        }
    if isinstance(inputs, list) and isinstance(now, dict):
        return list(now)
    if all(isinstance(each, list) for each in (inputs, before, now)) and len(inputs) == len(before) == len(now):
        return [drifted(*each) for each in zip(inputs, before, now, strict=True)]
    return now


def _at(values: Any, path: str) -> Any:  # noqa: ANN401 - of any shape
    for key in path.split("."):
        values = values.get(key) if isinstance(values, dict) else values
    return values
