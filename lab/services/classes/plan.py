"""The plan of a class: actions in waves, each with its reason. Pure: computed from data, before anything is touched."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.services.classes import configuration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lab.services.classes.roster import Config, Roster


class Verb(StrEnum):
    """An operation on a stack."""

    CREATE = "create"
    UPDATE = "update"

    RESUME = "resume"
    """An earlier run began it and did not finish."""

    KEEP = "keep"
    """It is up to date, or nobody asked for it to go."""

    STOP = "stop"
    """Only for expired clusters on Azure."""

    DESTROY = "destroy"

    PRUNE_STATE = "prune"
    """Its resources went with the cluster; only its state is deleted."""


class State(StrEnum):
    """The result of the last run of a stack on this machine."""

    STANDS = "stands"

    UNFINISHED = "unfinished"
    """An update or a destruction failed or was interrupted."""

    GONE = "gone"
    """It was destroyed."""


@dataclass(frozen=True, kw_only=True)
class StackRecord:
    """The record of a stack that earlier runs left behind.

    Attributes:
        stack: its name.
        classroom: name of its class.
        student: id; empty for a shared cluster.
        name: the student's display name.
        state: how the last run ended.
        digest: of the configuration and the program that it was last updated with.
        seconds: duration of the last successful update; 0 if unknown.
        error: why the last run failed, in one line.
        shares: it has nothing of its own outside of the cluster that the class shares.
        healthy: the processes that it has on this machine run; not stored.
    """

    stack: str
    classroom: str
    student: str
    state: State
    name: str = ""
    digest: str = ""
    seconds: float = 0.0
    error: str = ""
    shares: bool = False
    healthy: bool = True


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The decision about one stack.

    Attributes:
        stack: its name.
        verb: what is done.
        reason: why, in words.
    """

    stack: str
    verb: Verb
    reason: str

    @property
    def acts(self) -> bool:
        """True if anything is done."""
        return self.verb is not Verb.KEEP


@dataclass(frozen=True, kw_only=True)
class Action(Decision):
    """A decision about a stack of a class.

    Attributes:
        student: id; empty for the shared cluster.
        wave: a wave begins when the one before it is done, and only if nothing in it failed.
        name: the student's display name.
        config: the stack's whole configuration; empty if it goes.
        digest: of the configuration and the program.
    """

    student: str
    wave: int
    name: str = ""
    config: Config = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is done to a class, in order."""

    classroom: str
    actions: tuple[Action, ...]

    @property
    def waves(self) -> list[tuple[Action, ...]]:
        """The actions that do anything, by wave; those of one wave run in parallel."""
        acting = [action for action in self.actions if action.acts]
        numbers = sorted({action.wave for action in acting})
        return [tuple(action for action in acting if action.wave == number) for number in numbers]

    @property
    def nothing_to_do(self) -> bool:
        """True if the class is up to date."""
        return not any(action.acts for action in self.actions)


PLATFORM, CANARY, REST = 0, 1, 2
"""Waves of an `up`: the shared cluster, one student, everyone else."""

_MIN_STUDENTS_FOR_CANARY = 3


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The part of a class that a command is for.

    Attributes:
        only: ids of students; empty for all. With some, the shared cluster is left alone.
        platform: the shared cluster and no student.
        again: also stacks that are up to date.
        removed: also students who are no longer in the class file.
    """

    only: frozenset[str] = frozenset()
    platform: bool = False
    again: bool = False
    removed: bool = False

    def includes(self, student: str) -> bool:
        """True for a selected student, or with an empty id if the shared cluster is selected."""
        if not student:
            return self.platform or not self.only
        return not self.platform and (not self.only or student in self.only)


EVERYBODY = Selection()


def up(roster: Roster, known: Mapping[str, StackRecord], program: str, selection: Selection = EVERYBODY) -> Plan:
    """Plan what creates or updates a class.

    Args:
        roster: the class.
        known: records by stack.
        program: digest of the program that makes the stacks.
        selection: the part of the class that was asked for.
    """
    cluster = [_platform(roster, known, program, selection)] if roster.shared and selection.includes("") else []
    chosen = [each for each in roster.students if selection.includes(each.id)]
    students = [
        _up(
            Action(
                stack=each.stack,
                student=each.id,
                name=each.name,
                verb=Verb.KEEP,
                reason="",
                wave=REST,
                config=configuration.of_student(roster, each),
            ),
            known.get(each.stack),
            program,
            selection,
        )
        for each in chosen
    ]
    return Plan(classroom=roster.classroom, actions=(*cluster, *_with_canary(students), *_strangers(roster, known)))


def down(roster: Roster, known: Mapping[str, StackRecord], selection: Selection = EVERYBODY) -> Plan:
    """Plan what destroys a class: its students, and the shared cluster after the last of them.

    If the whole cluster goes, it goes first, and takes along what students have in it. Students who are no longer in
    the class file stay, and so does the cluster that they are on, unless the selection includes them.
    """
    own = {each.stack: each for each in roster.students}
    asked = {stack for stack, each in own.items() if selection.includes(each.id)}
    going = [
        Action(
            stack=each.stack,
            student=each.student,
            name=each.name,
            verb=Verb.DESTROY,
            reason="it was asked for" if each.stack in own else "it is in no class file any more, and was asked for",
            wave=0,
        )
        for each in _of_class(roster, known)
        if each.student
        and each.state is not State.GONE
        and (each.stack in asked or (selection.removed and each.stack not in own))
    ]
    cluster = _platform_down(roster, known, going) if selection.includes("") else []
    if roster.owns_platform and any(action.verb is Verb.DESTROY for action in cluster):
        return Plan(
            classroom=roster.classroom,
            actions=(
                *(replace(action, wave=0) for action in cluster),
                *(_gone_with_it(action) if known[action.stack].shares else replace(action, wave=1) for action in going),
            ),
        )
    staying = [action for action in _strangers(roster, known) if action.stack not in {each.stack for each in going}]
    return Plan(classroom=roster.classroom, actions=(*going, *staying, *cluster))


def digest(config: Config, program: str) -> str:
    """Return the digest of a stack's configuration and of the program's digest."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(f"{program}\n{text}".encode()).hexdigest()[:16]


def _platform(roster: Roster, known: Mapping[str, StackRecord], program: str, selection: Selection) -> Action:
    action = Action(
        stack=roster.platform_stack,
        student="",
        name="the shared cluster",
        verb=Verb.KEEP,
        reason="",
        wave=PLATFORM,
        config=configuration.of_platform(roster),
    )
    return _up(action, known.get(action.stack), program, selection)


def _up(action: Action, known: StackRecord | None, program: str, selection: Selection) -> Action:
    wanted = digest(action.config, program)
    verb, reason = _why(known, wanted, selection)
    return replace(action, verb=verb, reason=reason, digest=wanted)


def _why(known: StackRecord | None, wanted: str, selection: Selection) -> tuple[Verb, str]:
    if known is None or known.state is State.GONE:
        return Verb.CREATE, "it was taken down" if known else "it is new"
    if known.state is State.UNFINISHED:
        return Verb.RESUME, "the last run did not finish it"
    reasons = {
        "the class file or the program has changed": known.digest != wanted,
        "something of it no longer runs": not known.healthy,
        "it was asked for again": selection.again,
    }
    for reason, holds in reasons.items():
        if holds:
            return Verb.UPDATE, reason
    return Verb.KEEP, "it stands as it is to be"


def _with_canary(students: Sequence[Action]) -> list[Action]:
    """Let one student go first, so that an error that all would meet is met once."""
    acting = [action for action in students if action.acts]
    if len(acting) < _MIN_STUDENTS_FOR_CANARY:
        return list(students)
    first = acting[0]
    return [
        replace(action, wave=CANARY, reason=f"{action.reason}; canary") if action is first else action
        for action in sorted(students, key=lambda action: action is not first)
    ]


def _strangers(roster: Roster, known: Mapping[str, StackRecord]) -> list[Action]:
    """Stacks of students who are no longer in the class file."""
    own = {each.stack for each in roster.students}
    return [
        Action(
            stack=each.stack,
            student=each.student,
            name=each.name,
            verb=Verb.KEEP,
            reason="it is in no class file any more; take it away with: lab class down --removed",
            wave=REST,
        )
        for each in _of_class(roster, known)
        if each.student and each.stack not in own and each.state is not State.GONE
    ]


def _platform_down(roster: Roster, known: Mapping[str, StackRecord], going: Collection[Action]) -> list[Action]:
    """Destroy the shared cluster with the last student on it."""
    cluster = known.get(roster.platform_stack)
    if cluster is None or cluster.state is State.GONE or cluster.classroom != roster.classroom:
        return []
    gone = {action.stack for action in going}
    left = [
        each.student
        for each in _of_class(roster, known)
        if each.student and each.state is not State.GONE and each.stack not in gone
    ]
    named = ", ".join(left[:3]) + (" and others" if len(left) > 3 else "")  # noqa: PLR2004 - enough to know who
    return [
        Action(
            stack=cluster.stack,
            student="",
            name="the shared cluster",
            verb=Verb.KEEP if left else Verb.DESTROY,
            reason=f"{named} still stand on it" if left else "nobody is on it any more",
            wave=1,
        )
    ]


def _gone_with_it(action: Action) -> Action:
    return replace(action, verb=Verb.PRUNE_STATE, reason="it went with the cluster", wave=1)


def _of_class(roster: Roster, known: Mapping[str, StackRecord]) -> Iterable[StackRecord]:
    return (each for _, each in sorted(known.items()) if each.classroom == roster.classroom)


def taken(roster: Roster, known: Mapping[str, StackRecord], others: Collection[str]) -> list[str]:
    """Return why names of the class's stacks are taken; `others` are stacks of the backend that no class made."""
    return [
        f"stack {stack} is {f'of class {known[stack].classroom}' if stack in known else 'no class stack'} already"
        for stack in roster.stacks
        if (stack in known and known[stack].classroom != roster.classroom and known[stack].state is not State.GONE)
        or (stack not in known and stack in others)
    ]
