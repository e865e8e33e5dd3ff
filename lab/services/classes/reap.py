"""Find labs that have expired, and end them and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from lab.adapters import backend
from lab.adapters import stack as stacks
from lab.adapters.stack import Stack
from lab.core import tags
from lab.core.errors import LabError
from lab.services.classes.plan import Action, Plan, Verb
from lab.services.classes.reap_policy import Found
from lab.settings import Target, expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from lab.core.tags import Tags
    from lab.services.classes.plan import Decision, StackRecord


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result for one stack.

    Attributes:
        stack: its name.
        verb: what was to be done; `keep` if it was extended meanwhile.
        error: why it was not done; empty if it was.
    """

    stack: str
    verb: Verb
    error: str = ""


def find() -> list[Found]:
    """All stacks of the backend; shares of a cluster before the cluster.

    Raises:
        LabError: the backend cannot be read at all.
    """
    return sorted(map(examine, stacks.names()), key=lambda each: not each.platform)


def carry_out(
    decisions: Iterable[Decision], again: Callable[[str], Decision], act: Mapping[Verb, Callable[[str], None]]
) -> list[Outcome]:
    """Carry out decisions one after the other; where one fails, the others go on.

    Args:
        decisions: those that keep a stack are passed over.
        again: decides about a stack once more just before it is ended, because somebody may have extended it since.
        act: what ends a stack, by the verb.
    """
    return [_carry_out(decision.stack, again, act) for decision in decisions if decision.acts]


def class_file(file: Path) -> dict[str, datetime]:
    """Return when the stacks of a class expire by its file, all at the same time.

    Raises:
        LabError: it is no class file.
    """
    from lab.services.classes import validation

    roster = validation.read(file)
    moment = expiry.parse(roster.expires)
    return dict.fromkeys(roster.stacks, moment) if moment else {}


def plan_of(entry: StackRecord) -> Plan:
    """The plan that destroys one expired stack of a class."""
    action = Action(
        stack=entry.stack,
        student=entry.student,
        name=entry.name,
        verb=Verb.DESTROY,
        reason="it has expired",
        wave=0,
    )
    return Plan(classroom=entry.classroom, actions=(action,))


def examine(name: str) -> Found:
    """Return what a stack says about itself."""
    try:
        stack = Stack(name)
        values = stack.values()
        own = tags.read(values.get(tags.OUTPUT), stack=name)
        if not values:
            return Found(stack=name, tags=None, trouble="nothing of it stands, or its first `up` did not end")
        if own is None:
            return Found(stack=name, tags=None, platform=_platform(stack))
        return Found(
            stack=name,
            tags=own,
            target=stack.target,
            platform=_platform(stack),
            expires=_expires(own, stack),
            trouble=_trouble(stack, on_azure="azureCluster" in values),
        )
    except (LabError, ValueError, OSError, yaml.YAMLError) as error:
        message = error.message if isinstance(error, LabError) else str(error)
        return Found(stack=name, tags=None, trouble=f"it cannot be read: {message}")


def _expires(own: Tags, stack: Stack) -> datetime | None:
    """The later of the tags' expiry and that of the settings for the next `up`: an extension counts at once."""
    tagged = expiry.parse(own.expires)
    # An unquoted day in YAML is a date.
    configured = expiry.parse(str(stack.config().get("expires") or ""))
    return expiry.later(tagged, configured) if tagged else None


def _trouble(stack: Stack, *, on_azure: bool) -> str:
    if not stack.file.is_file():
        return f"{stack.file.name} is not here, and without its settings it cannot be taken down"
    if on_azure != (stack.target == Target.AZURE):
        where = "it stands" if on_azure else "it does not stand"
        return f"{stack.file.name} says target {stack.target}, but {where} on Azure"
    if stack.target == Target.EMBEDDED and not backend.local() and not stack.directory.is_dir():
        return "it stands on another machine"
    return ""


def _platform(stack: Stack) -> str:
    shared = stack.config().get("shared")
    return str(shared.get("platform") or "") if stack.target == Target.SHARED and isinstance(shared, dict) else ""


def _carry_out(name: str, again: Callable[[str], Decision], act: Mapping[Verb, Callable[[str], None]]) -> Outcome:
    decision = again(name)
    try:
        if decision.acts:
            act[decision.verb](name)
    except (LabError, OSError) as error:
        message = error.message if isinstance(error, LabError) else str(error)
        return Outcome(stack=name, verb=decision.verb, error=message)
    return Outcome(stack=name, verb=decision.verb)
