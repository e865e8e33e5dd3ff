"""What is to be done for a class, in which order and why: decided from data alone, before anything is touched."""

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
    """What is done to a stack."""

    CREATE = "create"
    """It is made from nothing."""

    UPDATE = "update"
    """It stands, and is to be something else."""

    RESUME = "resume"
    """It was begun and not finished."""

    KEEP = "keep"
    """It stands as it is to be, or nobody asked for it to go: it is not touched."""

    DESTROY = "destroy"
    """It goes, with all that is in it."""

    FORGET = "forget"
    """What it had is gone with the cluster; the state that speaks of it goes too."""


class State(StrEnum):
    """What is known of a stack on this machine."""

    STANDS = "stands"
    """The last update of it ended well."""

    UNFINISHED = "unfinished"
    """An update or a destruction of it failed, or was cut off."""

    GONE = "gone"
    """It was destroyed."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an earlier run left behind about a stack.

    Attributes:
        stack: its name.
        classroom: name of the class that it is of.
        student: id; empty for a shared cluster.
        state: how the last run ended.
        digest: of what it was made to be.
        healthy: whether what it runs on this machine still runs.
        name: the student's, as people say it.
        shares: whether it is a part of the cluster that the class shares, and goes with it.
    """

    stack: str
    classroom: str
    student: str
    state: State
    digest: str = ""
    healthy: bool = True
    name: str = ""
    shares: bool = False


@dataclass(frozen=True, kw_only=True)
class Action:
    """What is done to one stack.

    Attributes:
        stack: its name.
        student: id; empty for the shared cluster.
        name: the student's, as people say it.
        verb: what is done.
        reason: why, in words.
        wave: all of a wave is done before the next begins, and only if what it leans on stands.
        config: what the stack is to be; empty when it goes.
        digest: of that, and of the program.
    """

    stack: str
    student: str
    verb: Verb
    reason: str
    wave: int
    name: str = ""
    config: Config = field(default_factory=dict)
    digest: str = ""

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.verb is not Verb.KEEP


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that is done to a class, in order.

    Attributes:
        classroom: name of the class.
        actions: in the order in which they are begun.
    """

    classroom: str
    actions: tuple[Action, ...]

    @property
    def waves(self) -> list[tuple[Action, ...]]:
        """What is done, wave by wave; within a wave side by side."""
        acting = [action for action in self.actions if action.acts]
        numbers = sorted({action.wave for action in acting})
        return [tuple(action for action in acting if action.wave == number) for number in numbers]

    @property
    def nothing_to_do(self) -> bool:
        """Whether the class is as it is to be."""
        return not any(action.acts for action in self.actions)


PLATFORM, CANARY, REST = 0, 1, 2
"""Waves of an `up`: the cluster that others lean on, one student who finds out for all, everybody else."""

_CANARY_MATTERS = 3
"""Students from which on it is worth the time to let one go first."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asked for.

    Attributes:
        only: ids of students; empty for all. With some, the shared cluster is left alone.
        platform: the shared cluster and no student.
        again: also what stands as it is to be.
        removed: also students who are in no class file any more.
    """

    only: frozenset[str] = frozenset()
    platform: bool = False
    again: bool = False
    removed: bool = False

    def means(self, student: str) -> bool:
        """Whether a student is meant, or with an empty id the shared cluster."""
        if not student:
            return self.platform or not self.only
        return not self.platform and (not self.only or student in self.only)


EVERYBODY = Wish()


def up(klass: Roster, known: Mapping[str, Known], program: str, wish: Wish = EVERYBODY) -> Plan:
    """What makes a class stand.

    Args:
        klass: the class.
        known: what earlier runs left, by stack.
        program: digest of the program that the stacks are made by.
        wish: what was asked for.
    """
    cluster = [_platform(klass, known, program, wish)] if klass.shared and wish.means("") else []
    chosen = [each for each in klass.students if wish.means(each.id)]
    students = [
        _up(
            Action(
                stack=each.stack,
                student=each.id,
                name=each.name,
                verb=Verb.KEEP,
                reason="",
                wave=REST,
                config=configuration.of_student(klass, each),
            ),
            known.get(each.stack),
            program,
            wish,
        )
        for each in chosen
    ]
    return Plan(classroom=klass.classroom, actions=(*cluster, *_with_canary(students), *_strangers(klass, known)))


def down(klass: Roster, known: Mapping[str, Known], wish: Wish = EVERYBODY) -> Plan:
    """What takes a class away: its students, and the shared cluster after the last of them.

    Where the whole cluster goes, it goes first, and what students had in it goes with it. Students who are in no class
    file any more stay, and with them the cluster that they are on, unless it was asked for that they go as well.

    Args:
        klass: the class.
        known: what earlier runs left, by stack.
        wish: what was asked for.
    """
    own = {each.stack: each for each in klass.students}
    asked = {stack for stack, each in own.items() if wish.means(each.id)}
    going = [
        Action(
            stack=each.stack,
            student=each.student,
            name=each.name,
            verb=Verb.DESTROY,
            reason="it was asked for" if each.stack in own else "it is in no class file any more, and was asked for",
            wave=0,
        )
        for each in _of_class(klass, known)
        if each.student
        and each.state is not State.GONE
        and (each.stack in asked or (wish.removed and each.stack not in own))
    ]
    cluster = _platform_down(klass, known, going) if wish.means("") else []
    if klass.owns_platform and any(action.verb is Verb.DESTROY for action in cluster):
        return Plan(
            classroom=klass.classroom,
            actions=(
                *(replace(action, wave=0) for action in cluster),
                *(_gone_with_it(action) if known[action.stack].shares else replace(action, wave=1) for action in going),
            ),
        )
    staying = [action for action in _strangers(klass, known) if action.stack not in {each.stack for each in going}]
    return Plan(classroom=klass.classroom, actions=(*going, *staying, *cluster))


def digest(config: Config, program: str) -> str:
    """Of what a stack is to be.

    Args:
        config: its configuration.
        program: digest of the program.
    """
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(f"{program}\n{text}".encode()).hexdigest()[:16]


def _platform(klass: Roster, known: Mapping[str, Known], program: str, wish: Wish) -> Action:
    action = Action(
        stack=klass.platform_stack,
        student="",
        name="the shared cluster",
        verb=Verb.KEEP,
        reason="",
        wave=PLATFORM,
        config=configuration.of_platform(klass),
    )
    return _up(action, known.get(action.stack), program, wish)


def _up(action: Action, known: Known | None, program: str, wish: Wish) -> Action:
    wanted = digest(action.config, program)
    verb, reason = _why(known, wanted, wish)
    return replace(action, verb=verb, reason=reason, digest=wanted)


def _why(known: Known | None, wanted: str, wish: Wish) -> tuple[Verb, str]:
    if known is None or known.state is State.GONE:
        return Verb.CREATE, "it was taken down" if known else "it is new"
    if known.state is State.UNFINISHED:
        return Verb.RESUME, "the last run did not finish it"
    reasons = {
        "the class file or the program has changed": known.digest != wanted,
        "something of it no longer runs": not known.healthy,
        "it was asked for again": wish.again,
    }
    for reason, holds in reasons.items():
        if holds:
            return Verb.UPDATE, reason
    return Verb.KEEP, "it stands as it is to be"


def _with_canary(students: Sequence[Action]) -> list[Action]:
    """One student first, whose failure keeps the same one from the others, where there are others."""
    acting = [action for action in students if action.acts]
    if len(acting) < _CANARY_MATTERS:
        return list(students)
    first = acting[0]
    return [
        replace(action, wave=CANARY, reason=f"{action.reason}; the first, for all") if action is first else action
        for action in sorted(students, key=lambda action: action is not first)
    ]


def _strangers(klass: Roster, known: Mapping[str, Known]) -> list[Action]:
    """Stacks of students who were in the class file once."""
    own = {each.stack for each in klass.students}
    return [
        Action(
            stack=each.stack,
            student=each.student,
            name=each.name,
            verb=Verb.KEEP,
            reason="it is in no class file any more; take it away with: lab class down --removed",
            wave=REST,
        )
        for each in _of_class(klass, known)
        if each.student and each.stack not in own and each.state is not State.GONE
    ]


def _platform_down(klass: Roster, known: Mapping[str, Known], going: Collection[Action]) -> list[Action]:
    """The shared cluster goes with the last that is on it."""
    cluster = known.get(klass.platform_stack)
    if cluster is None or cluster.state is State.GONE or cluster.classroom != klass.classroom:
        return []
    gone = {action.stack for action in going}
    left = [
        each.student
        for each in _of_class(klass, known)
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
    return replace(action, verb=Verb.FORGET, reason="it went with the cluster", wave=1)


def _of_class(klass: Roster, known: Mapping[str, Known]) -> Iterable[Known]:
    return (each for _, each in sorted(known.items()) if each.classroom == klass.classroom)


def taken(klass: Roster, known: Mapping[str, Known], others: Collection[str]) -> list[str]:
    """Names of stacks that the class would use and somebody else has.

    Args:
        klass: the class.
        known: what earlier runs left, by stack.
        others: stacks of the backend that are no class'.
    """
    return [
        f"stack {stack} is {f'of class {known[stack].classroom}' if stack in known else 'no class stack'} already"
        for stack in klass.stacks
        if (stack in known and known[stack].classroom != klass.classroom and known[stack].state is not State.GONE)
        or (stack not in known and stack in others)
    ]
