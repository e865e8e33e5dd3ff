"""A guard between preview and update: losing a cluster or its images needs an explicit option."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.adapters.previews import steps, unreadable
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable

GUARDED = (
    "azure-native:containerservice:ManagedCluster",
    "azure-native:containerregistry:Registry",
    "azure-native:resources:ResourceGroup",
)
"""Types that hold users' data: a replacement is empty."""

_HARMLESS = ("same", "create", "update", "read", "refresh", "import")
"""Operations that delete nothing; all others are refused, also those of future engines."""

_SUBSCRIPTION = re.compile(r"^/subscriptions/([0-9a-f-]{36})(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A guarded resource that an update would delete or replace.

    Attributes:
        name: its logical name.
        type: its type token.
        operation: the engine's word, such as `replace` or `delete`.
        properties: paths of the properties that cause it, none for a deletion.
    """

    name: str
    type: str
    operation: str
    properties: tuple[str, ...]

    def __str__(self) -> str:
        cause = f" because of {', '.join(self.properties)}" if self.properties else ""
        return f"{self.type} {self.name}: {self.operation}{cause}"


def losses(preview: str) -> tuple[Loss, ...]:
    """List the guarded resources that an update would delete or replace.

    Args:
        preview: the output of `pulumi preview --json`: one document, or a line for each event, which the engine writes
            when `PULUMI_ENABLE_STREAMING_JSON_PREVIEW` is set.

    Raises:
        LabError: it is neither, or the preview failed and so does not tell everything.
    """
    try:
        return _combined(steps(preview))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise unreadable("a step of it is something else") from None


def require_no_loss(preview: str, *, stack: str, allowed: bool) -> tuple[Loss, ...]:
    """Refuse an update that would delete or replace a guarded resource.

    Returns:
        What will be lost; empty unless that is allowed.

    Raises:
        LabError: something would be lost, with the causes and both ways out; or the preview cannot be read.
    """
    found = losses(preview)
    if found and not allowed:
        listing = "\n".join(f"  {loss}" for loss in found)
        raise LabError(
            f"this update would take away, with all that is in it:\n{listing}",
            f"undo the change in Pulumi.{stack}.yaml, or lose it on purpose: lab up --allow-replace",
        )
    return found


def require_same_subscription(state: str, current: str) -> None:
    """Refuse to destroy with a login that cannot see the resources, which Azure would report as gone.

    Raises:
        LabError: a resource of the state is in another one, or the state cannot be read.
    """
    try:
        resources = json.loads(state)["deployment"].get("resources") or []
        ids = [str(entry.get("id", "")) for entry in resources if str(entry["type"]).startswith("azure-native:")]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise LabError("the stack's state cannot be read", "pulumi stack export") from None
    found = {match[1].lower() for match in map(_SUBSCRIPTION.match, ids) if match}
    if others := sorted(found - {current.lower()}):
        raise LabError(
            f"the lab stands in subscription {', '.join(others)}, but the login works on {current}",
            f"az account set --subscription {others[0]}",
        )


def _combined(steps: Iterable[dict[str, Any]]) -> tuple[Loss, ...]:
    """Combine the steps of each resource: a stream has three for a replacement, and the one with the causes counts."""
    found: dict[str, Loss] = {}
    for step in steps:
        loss = _loss(step)
        if loss and (loss.properties or step["urn"] not in found):
            found[step["urn"]] = loss
    return tuple(found.values())


def _loss(step: dict[str, Any]) -> Loss | None:
    """Return the loss that a step causes, if it is of a guarded type.

    The type is read from the URN (`urn:pulumi:stack::project::parent$type::name`), which every step has.
    """
    _, _, types, name = str(step["urn"]).split("::", 3)
    kind, operation = types.rsplit("$", 1)[-1], str(step["op"])
    if kind not in GUARDED or operation in _HARMLESS:
        return None
    return Loss(name=name, type=kind, operation=operation, properties=_causes(step))


def _causes(step: dict[str, Any]) -> tuple[str, ...]:
    """Return the properties that force a replacement; the detailed diff has their full paths."""
    detailed = step.get("detailedDiff") or {}
    paths = [path for path, change in detailed.items() if str(change.get("kind", "")).endswith("-replace")]
    return tuple(_unique(paths or step.get("replaceReasons") or step.get("keys") or step.get("diffReasons") or ()))


def _unique(words: Iterable[object]) -> Iterable[str]:
    return dict.fromkeys(str(word) for word in words)
