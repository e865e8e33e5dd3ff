"""What is done for a class, in which order and why: a table, and what holds for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from lab.services.classes import configuration, plan
from lab.services.classes.plan import Plan, Selection, StackRecord, State, Verb
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM, NEXT_PROGRAM = "abc1", "abc2"
CLUSTER = "ws26-platform"


def roster(*ids: str, **more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": each} for each in ids], **more}
    return Roster.model_validate(given, by_alias=True, by_name=False)


def digests(chosen: Roster) -> dict[str, str]:
    """Of every stack of a class, as it is to be."""
    students = {each.stack: configuration.of_student(chosen, each) for each in chosen.students}
    cluster = {chosen.platform_stack: configuration.of_platform(chosen)} if chosen.shared else {}
    return {stack: plan.digest(config, PROGRAM) for stack, config in {**cluster, **students}.items()}


def one(stack: str, state: State = State.STANDS, **more: Any) -> dict[str, StackRecord]:  # noqa: ANN401 - the fields'
    student = stack.removeprefix("student-") if stack.startswith("student-") else ""
    return {stack: StackRecord(**{"stack": stack, "classroom": "ws26", "student": student, "state": state, **more})}


def standing(chosen: Roster, **states: State) -> dict[str, StackRecord]:
    """A class that is as it is to be, but for the states of some, by id; the shared cluster's is `platform`."""
    found: dict[str, StackRecord] = {}
    for stack, digest in digests(chosen).items():
        share = chosen.shared and stack != chosen.platform_stack
        found |= one(stack, states.get(stack.rpartition("-")[2], State.STANDS), digest=digest, shares=share)
    return found


def acts(found: Plan) -> list[list[tuple[str, str]]]:
    """What is done, wave by wave, with the students' names alone."""
    return [[(action.verb.value, action.stack.removeprefix("student-")) for action in wave] for wave in found.waves]


def reasons(found: Plan) -> dict[str, tuple[Verb, str]]:
    return {action.stack: (action.verb, action.reason) for action in found.actions}


# --- up ---

NEW = "it is new"
FIRST = "; canary"
CHANGED = "the class file or the program has changed"
STANDS = "it stands as it is to be"
UNFINISHED = "the last run did not finish it"
NO_LONGER_RUNS = "something of it no longer runs"
AGAIN = "it was asked for again"
ELSEWHERE = "it is in no class file any more; take it away with: lab class down --removed"

THREE = roster("anna", "bob", "carl")

WHY: dict[str, tuple[dict[str, StackRecord], Selection, Verb, str]] = {
    "never heard of": ({}, Selection(), Verb.CREATE, NEW),
    "taken down": (one("student-anna", State.GONE), Selection(), Verb.CREATE, "it was taken down"),
    "taken down, and ill before": (
        one("student-anna", State.GONE, healthy=False),
        Selection(again=True),
        Verb.CREATE,
        "it was taken down",
    ),
    "cut off": (one("student-anna", State.UNFINISHED), Selection(), Verb.RESUME, UNFINISHED),
    "cut off, and as it is to be otherwise": (
        standing(THREE, anna=State.UNFINISHED),
        Selection(),
        Verb.RESUME,
        UNFINISHED,
    ),
    "cut off, and ill": (
        one("student-anna", State.UNFINISHED, healthy=False),
        Selection(again=True),
        Verb.RESUME,
        UNFINISHED,
    ),
    "as it is to be": (standing(THREE), Selection(), Verb.KEEP, STANDS),
    "as it is to be, of all": (standing(THREE), Selection(only=frozenset({"anna"})), Verb.KEEP, STANDS),
    "of another program": (one("student-anna", digest="0" * 16), Selection(), Verb.UPDATE, CHANGED),
    "made before digests were": (one("student-anna"), Selection(), Verb.UPDATE, CHANGED),
    "another and ill": (one("student-anna", healthy=False), Selection(again=True), Verb.UPDATE, CHANGED),
    "ill": (
        one("student-anna", digest=digests(THREE)["student-anna"], healthy=False),
        Selection(),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "ill, and asked for again": (
        one("student-anna", digest=digests(THREE)["student-anna"], healthy=False),
        Selection(again=True),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "asked for again": (standing(THREE), Selection(again=True), Verb.UPDATE, AGAIN),
}


@pytest.mark.parametrize(("known", "selection", "verb", "reason"), WHY.values(), ids=WHY)
def test_what_is_done_to_a_students_stack_and_why(
    known: Mapping[str, StackRecord], selection: Selection, verb: Verb, reason: str
) -> None:
    found = reasons(plan.up(THREE, known, PROGRAM, selection))["student-anna"]

    assert (found[0], found[1].removesuffix(FIRST)) == (verb, reason)


SHARED_WHY: dict[str, tuple[dict[str, StackRecord], Selection, Verb, str]] = {
    "never heard of": ({}, Selection(), Verb.CREATE, NEW),
    "taken down": (standing(THREE, platform=State.GONE), Selection(), Verb.CREATE, "it was taken down"),
    "cut off": (standing(THREE, platform=State.UNFINISHED), Selection(), Verb.RESUME, UNFINISHED),
    "as it is to be": (standing(THREE), Selection(), Verb.KEEP, STANDS),
    "for another number of students": (
        standing(roster(*(f"s{n}" for n in range(60)))),
        Selection(),
        Verb.UPDATE,
        CHANGED,
    ),
    "ill": (
        {**standing(THREE), **one(CLUSTER, digest=digests(THREE)[CLUSTER], healthy=False)},
        Selection(),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "asked for again with all": (standing(THREE), Selection(again=True), Verb.UPDATE, AGAIN),
    "asked for alone": (standing(THREE), Selection(platform=True), Verb.KEEP, STANDS),
    "asked for again alone": (standing(THREE), Selection(platform=True, again=True), Verb.UPDATE, AGAIN),
}


@pytest.mark.parametrize(("known", "selection", "verb", "reason"), SHARED_WHY.values(), ids=SHARED_WHY)
def test_what_is_done_to_the_shared_cluster_and_why(
    known: Mapping[str, StackRecord], selection: Selection, verb: Verb, reason: str
) -> None:
    assert reasons(plan.up(THREE, known, PROGRAM, selection))[CLUSTER] == (verb, reason)


WAVES: dict[str, tuple[Roster, dict[str, StackRecord], Selection, list[list[tuple[str, str]]]]] = {
    "the cluster, one student, then the others": (
        roster("anna", "bob", "carl", "dora"),
        {},
        Selection(),
        [
            [("create", CLUSTER)],
            [("create", "anna")],
            [("create", "bob"), ("create", "carl"), ("create", "dora")],
        ],
    ),
    "without a cluster to share": (
        roster("anna", "bob", "carl", tenancy="cluster"),
        {},
        Selection(),
        [[("create", "anna")], [("create", "bob"), ("create", "carl")]],
    ),
    "two students go at once": (
        roster("anna", "bob"),
        {},
        Selection(),
        [[("create", CLUSTER)], [("create", "anna"), ("create", "bob")]],
    ),
    "one student": (roster("anna"), {}, Selection(), [[("create", CLUSTER)], [("create", "anna")]]),
    "the first of those of whom something is done": (
        roster("anna", "bob", "carl", "dora"),
        standing(roster("anna", "bob", "carl", "dora"), bob=State.GONE, carl=State.UNFINISHED, dora=State.GONE),
        Selection(),
        [[("create", "bob")], [("resume", "carl"), ("create", "dora")]],
    ),
    "nobody goes first for two of four": (
        roster("anna", "bob", "carl", "dora"),
        standing(roster("anna", "bob", "carl", "dora"), bob=State.GONE, dora=State.UNFINISHED),
        Selection(),
        [[("create", "bob"), ("resume", "dora")]],
    ),
    "nothing": (THREE, standing(THREE), Selection(), []),
    "some alone": (
        roster("anna", "bob", "carl", "dora"),
        {},
        Selection(only=frozenset({"carl", "bob"})),
        [[("create", "bob"), ("create", "carl")]],
    ),
    "three alone, of whom one goes first": (
        roster("anna", "bob", "carl", "dora"),
        {},
        Selection(only=frozenset({"carl", "bob", "dora"})),
        [[("create", "bob")], [("create", "carl"), ("create", "dora")]],
    ),
    "the cluster alone": (THREE, {}, Selection(platform=True), [[("create", CLUSTER)]]),
    "no cluster alone": (roster("anna", tenancy="cluster"), {}, Selection(platform=True), []),
    "all again": (
        THREE,
        standing(THREE),
        Selection(again=True),
        [[("update", CLUSTER)], [("update", "anna")], [("update", "bob"), ("update", "carl")]],
    ),
    "one again": (THREE, standing(THREE), Selection(only=frozenset({"bob"}), again=True), [[("update", "bob")]]),
    "a new one": (
        roster("anna", "bob", "carl", "dora"),
        standing(THREE),
        Selection(),
        [[("create", "dora")]],
    ),
    "one who is in the file no more": (roster("anna", "bob"), standing(THREE), Selection(removed=True), []),
}


@pytest.mark.parametrize(("chosen", "known", "selection", "expected"), WAVES.values(), ids=WAVES)
def test_what_waits_for_what(
    chosen: Roster, known: Mapping[str, StackRecord], selection: Selection, expected: list[list[tuple[str, str]]]
) -> None:
    found = plan.up(chosen, known, PROGRAM, selection)

    assert acts(found) == expected
    assert found.nothing_to_do is (expected == [])


def test_one_student_finds_out_for_all_and_the_plan_says_so() -> None:
    found = reasons(plan.up(THREE, {}, PROGRAM))

    assert [found[f"student-{each}"][1] for each in ("anna", "bob", "carl")] == [NEW + FIRST, NEW, NEW]


def test_actions_stand_in_the_order_in_which_they_are_begun() -> None:
    known = standing(roster("anna", "bob", "carl", "dora"), bob=State.GONE, carl=State.GONE, dora=State.GONE)
    found = plan.up(roster("anna", "bob", "carl", "dora"), known, PROGRAM)

    assert [action.stack for action in found.actions] == [
        CLUSTER,
        *(f"student-{each}" for each in ("bob", "anna", "carl", "dora")),
    ]


def test_an_action_has_all_that_its_stack_is_to_be() -> None:
    chosen = roster(students=[{"id": "anna", "name": "Anna Kim", "settings": {"shop": {"enabled": False}}}])
    cluster, anna = plan.up(chosen, {}, PROGRAM).actions

    assert (cluster.student, cluster.name, cluster.config) == (
        "",
        "the shared cluster",
        configuration.of_platform(chosen),
    )
    assert (anna.student, anna.name, anna.config) == (
        "anna",
        "Anna Kim",
        configuration.of_student(chosen, chosen.find("anna")),
    )
    assert {action.stack: action.digest for action in (cluster, anna)} == digests(chosen)


def test_what_was_done_by_a_plan_is_kept_by_the_next() -> None:
    first = plan.up(THREE, {}, PROGRAM)
    known = {
        action.stack: StackRecord(
            stack=action.stack,
            classroom="ws26",
            student=action.student,
            state=State.STANDS,
            digest=action.digest,
        )
        for action in first.actions
    }

    assert plan.up(THREE, known, PROGRAM).nothing_to_do
    assert {verb for verb, _ in reasons(plan.up(THREE, known, NEXT_PROGRAM)).values()} == {Verb.UPDATE}


@pytest.mark.parametrize("state", [State.STANDS, State.UNFINISHED])
@pytest.mark.parametrize(
    "selection", [Selection(), Selection(removed=True), Selection(again=True), Selection(only=frozenset({"anna"}))]
)
def test_a_student_who_is_in_the_file_no_more_stays_and_the_plan_says_how_to_end_it(
    state: State, selection: Selection
) -> None:
    known = {**standing(roster("anna")), **one("student-old", state, name="Old")}
    found = plan.up(roster("anna"), known, PROGRAM, selection)

    assert reasons(found)["student-old"] == (Verb.KEEP, ELSEWHERE)
    assert next(action.name for action in found.actions if action.stack == "student-old") == "Old"


def test_a_student_who_is_gone_and_in_the_file_no_more_is_not_spoken_of() -> None:
    assert "student-old" not in reasons(plan.up(roster("anna"), one("student-old", State.GONE), PROGRAM))


# --- down ---

ASKED = "it was asked for"
ASKED_THOUGH_REMOVED = "it is in no class file any more, and was asked for"
WENT_ALONG = "it went with the cluster"
NOBODY = "nobody is on it any more"
OLD = one("student-old", shares=True)
ALONE = one("student-bob", shares=False)
"""Who has a cluster that is no part of the shared one, such as one of an earlier tenancy."""

ALL = ["anna", "bob", "carl"]
FOREIGN = roster(*ALL, platform={"target": "kubeconfig", "kubeconfig": {"file": "k.yaml", "context": "c"}})
"""A class on a cluster that is somebody else's, and stays when the class goes."""


def all_of(verb: str, *ids: str) -> list[tuple[str, str]]:
    return [(verb, each) for each in ids]


DOWN: dict[str, tuple[Roster, dict[str, StackRecord], Selection, list[list[tuple[str, str]]], str]] = {
    "all go with the cluster": (
        THREE,
        standing(THREE),
        Selection(),
        [[("destroy", CLUSTER)], all_of("prune", *ALL)],
        NOBODY,
    ),
    "who has a cluster still is destroyed after it and not forgotten": (
        THREE,
        {**standing(THREE), **ALONE},
        Selection(),
        [[("destroy", CLUSTER)], [("prune", "anna"), ("destroy", "bob"), ("prune", "carl")]],
        NOBODY,
    ),
    "who is in the file no more and has a cluster still is destroyed too": (
        THREE,
        {**standing(THREE), **one("student-old", shares=False)},
        Selection(removed=True),
        [[("destroy", CLUSTER)], [*all_of("prune", *ALL), ("destroy", "old")]],
        NOBODY,
    ),
    "all, and then what the class put into somebody's cluster": (
        FOREIGN,
        standing(FOREIGN),
        Selection(),
        [all_of("destroy", *ALL), [("destroy", CLUSTER)]],
        NOBODY,
    ),
    "some, and the cluster is left alone": (
        THREE,
        standing(THREE),
        Selection(only=frozenset({"bob"})),
        [all_of("destroy", "bob")],
        "",
    ),
    "the last one, and the cluster is left alone": (
        THREE,
        standing(THREE, anna=State.GONE, bob=State.GONE),
        Selection(only=frozenset({"carl"})),
        [all_of("destroy", "carl")],
        "",
    ),
    "one who is gone": (THREE, standing(THREE, bob=State.GONE), Selection(only=frozenset({"bob"})), [], ""),
    "the cluster alone, on which somebody is": (
        THREE,
        standing(THREE, bob=State.GONE),
        Selection(platform=True),
        [],
        "anna, carl still stand on it",
    ),
    "the cluster alone, on which nobody is": (
        THREE,
        standing(THREE, **dict.fromkeys(ALL, State.GONE)),
        Selection(platform=True),
        [[("destroy", CLUSTER)]],
        NOBODY,
    ),
    "what was cut off": (
        THREE,
        standing(THREE, anna=State.UNFINISHED, platform=State.UNFINISHED),
        Selection(),
        [[("destroy", CLUSTER)], all_of("prune", *ALL)],
        NOBODY,
    ),
    "what was cut off keeps the cluster": (
        THREE,
        standing(THREE, anna=State.UNFINISHED, bob=State.GONE, carl=State.GONE),
        Selection(platform=True),
        [],
        "anna still stand on it",
    ),
    "only the cluster was ever made": (THREE, one(CLUSTER), Selection(), [[("destroy", CLUSTER)]], NOBODY),
    "who is in the file no more stays, and the cluster with them": (
        THREE,
        {**standing(THREE), **OLD},
        Selection(),
        [all_of("destroy", *ALL)],
        "old still stand on it",
    ),
    "who is in the file no more goes when asked for": (
        THREE,
        {**standing(THREE), **OLD},
        Selection(removed=True),
        [[("destroy", CLUSTER)], all_of("prune", *ALL, "old")],
        NOBODY,
    ),
    "many are named by three": (
        THREE,
        {**standing(THREE), **one("student-d"), **one("student-e"), **one("student-f"), **one("student-g")},
        Selection(),
        [all_of("destroy", *ALL)],
        "d, e, f and others still stand on it",
    ),
    "the cluster is gone": (
        THREE,
        standing(THREE, bob=State.GONE, carl=State.GONE, platform=State.GONE),
        Selection(),
        [all_of("destroy", "anna")],
        "",
    ),
    "nothing was ever made": (THREE, {}, Selection(), [], ""),
    "all is gone": (THREE, standing(THREE, **dict.fromkeys([*ALL, "platform"], State.GONE)), Selection(), [], ""),
}


@pytest.mark.parametrize(("chosen", "known", "selection", "expected", "cluster"), DOWN.values(), ids=DOWN)
def test_what_goes_and_what_stays(
    chosen: Roster,
    known: Mapping[str, StackRecord],
    selection: Selection,
    expected: list[list[tuple[str, str]]],
    cluster: str,
) -> None:
    found = plan.down(chosen, known, selection)

    assert acts(found) == expected
    assert found.nothing_to_do is (expected == [])
    assert reasons(found).get(CLUSTER, (None, ""))[1] == cluster


def test_the_plan_says_why_somebody_goes() -> None:
    shared, own = roster("anna"), roster("anna", tenancy="cluster")
    known = {**standing(shared), **OLD}
    removed = Selection(removed=True)

    assert reasons(plan.down(shared, known))["student-anna"] == (Verb.DESTROY, ASKED)
    assert reasons(plan.down(shared, known))["student-old"] == (Verb.KEEP, ELSEWHERE)
    assert reasons(plan.down(shared, known, removed))["student-old"] == (Verb.PRUNE_STATE, WENT_ALONG)
    assert reasons(plan.down(own, {**standing(own), **OLD}, removed))["student-old"] == (
        Verb.DESTROY,
        ASKED_THOUGH_REMOVED,
    )


def test_the_plan_says_of_a_cluster_of_ones_own_that_it_was_asked_for_and_not_that_it_went() -> None:
    known = {**standing(THREE), **ALONE, **one("student-old", shares=False)}
    found = reasons(plan.down(THREE, known, Selection(removed=True)))

    assert found["student-anna"] == (Verb.PRUNE_STATE, WENT_ALONG)
    assert found["student-bob"] == (Verb.DESTROY, ASKED)
    assert found["student-old"] == (Verb.DESTROY, ASKED_THOUGH_REMOVED)


def test_what_goes_needs_no_settings() -> None:
    assert {str(action.config) for action in plan.down(THREE, standing(THREE)).actions} == {"{}"}


def test_a_class_whose_students_have_a_cluster_each_goes_at_once() -> None:
    chosen = roster("anna", "bob", tenancy="cluster")

    assert acts(plan.down(chosen, standing(chosen))) == [[("destroy", "anna"), ("destroy", "bob")]]


def test_the_cluster_of_a_class_that_shares_none_any_more_goes_too() -> None:
    now = roster("anna", tenancy="cluster")

    assert acts(plan.down(now, standing(roster("anna")))) == [[("destroy", "anna")], [("destroy", CLUSTER)]]


def test_another_classs_student_does_not_go_for_the_name_of_the_cluster() -> None:
    chosen = roster("anna", **{"class": "student"})
    other = one("student-platform", classroom="ss27")

    assert chosen.platform_stack in other
    assert plan.down(chosen, other, Selection(removed=True)).actions == ()


# --- digest ---


def test_a_digest_is_of_the_settings_and_of_the_program_and_of_nothing_else() -> None:
    config = {"shop": {"enabled": True, "order": {"replicas": 2}}, "target": "shared"}
    turned = {"target": "shared", "shop": {"order": {"replicas": 2}, "enabled": True}}
    another = {"target": "shared", "shop": {"order": {"replicas": 3}, "enabled": True}}

    assert plan.digest(config, PROGRAM) == plan.digest(turned, PROGRAM)
    assert len({plan.digest(config, PROGRAM), plan.digest(another, PROGRAM), plan.digest(config, NEXT_PROGRAM)}) == 3


def test_another_students_settings_are_no_reason_to_do_anything_to_the_rest() -> None:
    before = roster(students=[{"id": "anna"}, {"id": "bob"}])
    after = roster(students=[{"id": "anna", "name": "Anna"}, {"id": "bob", "settings": {"shop": {"enabled": False}}}])

    assert acts(plan.up(after, standing(before), PROGRAM)) == [[("update", "bob")]]


# --- names that somebody else has ---

TAKEN: dict[str, tuple[Roster, dict[str, StackRecord], set[str], list[str]]] = {
    "nobody has any": (THREE, {}, {"dev"}, []),
    "the class has them itself": (THREE, standing(THREE), set(), []),
    "another class has one": (
        THREE,
        one("student-bob", classroom="ss27"),
        set(),
        ["stack student-bob is of class ss27 already"],
    ),
    "another class had one": (THREE, one("student-bob", State.GONE, classroom="ss27"), set(), []),
    "another class has one half": (
        THREE,
        one("student-bob", State.UNFINISHED, classroom="ss27"),
        set(),
        ["stack student-bob is of class ss27 already"],
    ),
    "no class has one": (THREE, {}, {"student-anna", "x"}, ["stack student-anna is no class stack already"]),
    "somebody has the shared cluster's": (
        THREE,
        one(CLUSTER, classroom="ss27"),
        {"student-carl"},
        [f"stack {CLUSTER} is of class ss27 already", "stack student-carl is no class stack already"],
    ),
    "a cluster that the class does not share": (roster("anna", tenancy="cluster"), {}, {CLUSTER}, []),
    "a student of the other class whom this one does not have": (
        roster("anna"),
        one("student-bob", classroom="ss27"),
        set(),
        [],
    ),
}


@pytest.mark.parametrize(("chosen", "known", "others", "expected"), TAKEN.values(), ids=TAKEN)
def test_a_stack_that_somebody_else_has_is_named(
    chosen: Roster, known: Mapping[str, StackRecord], others: set[str], expected: list[str]
) -> None:
    assert plan.taken(chosen, known, others) == expected


# --- every class ---

IDS = some.sampled_from(["anna", "bob", "carl", "dora", "emil", "platform"])
CLASSES = some.sampled_from(["ws26", "ss27", "student"])
STACKS = some.one_of(IDS.map("student-{}".format), CLASSES.map("{}-platform".format))


@some.composite
def rosters(draw: some.DrawFn) -> Roster:
    name = draw(CLASSES)
    ids = draw(some.lists(IDS, unique=True, min_size=1))
    shared = draw(some.booleans())
    # What the class file may not say.
    ids = [each for each in ids if not (name == "student" and each == "platform")] or ["anna"]
    return roster(*ids, **{"class": name, "tenancy": "namespace" if shared else "cluster"})


@some.composite
def knowns(draw: some.DrawFn) -> dict[str, StackRecord]:
    found: dict[str, StackRecord] = {}
    for stack in draw(some.lists(STACKS, unique=True)):
        classroom = draw(CLASSES)
        is_cluster = stack == f"{classroom}-platform"
        if not is_cluster and not stack.startswith("student-"):
            continue
        found |= one(
            stack,
            draw(some.sampled_from(State)),
            classroom=classroom,
            student="" if is_cluster else stack.removeprefix("student-"),
            digest=draw(some.sampled_from(["", *DIGESTS])),
            healthy=draw(some.booleans()),
            shares=not is_cluster and draw(some.booleans()),
        )
    return found


DIGESTS = sorted(
    set(digests(roster("anna", "bob")).values()) | set(digests(roster("anna", tenancy="cluster")).values())
)
SELECTIONS = some.builds(
    Selection,
    only=some.frozensets(IDS),
    platform=some.sampled_from([False, False, True]),
    again=some.booleans(),
    removed=some.booleans(),
)
every_class = hypothesis(max_examples=150, deadline=None, derandomize=True)


@every_class
@given(chosen=rosters(), known=knowns(), selection=SELECTIONS)
def test_no_plan_has_a_stack_twice_or_begins_a_wave_before_an_earlier_one(
    chosen: Roster, known: dict[str, StackRecord], selection: Selection
) -> None:
    for found in (plan.up(chosen, known, PROGRAM, selection), plan.down(chosen, known, selection)):
        stacks = [action.stack for action in found.actions]
        acting = [action for action in found.actions if action.acts]

        assert len(set(stacks)) == len(stacks)
        assert [action.wave for action in acting] == sorted(action.wave for action in acting)
        assert [action for wave in found.waves for action in wave] == acting
        assert found.nothing_to_do is (acting == [])
        assert all(action.reason for action in found.actions)


@every_class
@given(chosen=rosters(), known=knowns(), selection=SELECTIONS)
def test_up_destroys_nothing_and_makes_only_what_is_of_the_class_file(
    chosen: Roster, known: dict[str, StackRecord], selection: Selection
) -> None:
    acting = [action for action in plan.up(chosen, known, PROGRAM, selection).actions if action.acts]
    own = {each.stack for each in chosen.students if selection.includes(each.id)}

    assert not {Verb.DESTROY, Verb.PRUNE_STATE} & {action.verb for action in acting}
    assert {action.stack for action in acting} <= own | ({chosen.platform_stack} if chosen.shared else set())
    assert all(action.config and action.digest for action in acting)


@every_class
@given(chosen=rosters(), known=knowns(), selection=SELECTIONS)
def test_in_up_the_shared_cluster_comes_before_every_student_and_at_most_one_student_goes_first(
    chosen: Roster, known: dict[str, StackRecord], selection: Selection
) -> None:
    found = plan.up(chosen, known, PROGRAM, selection)
    students = [action for action in found.actions if action.acts and action.student]
    first = [action for action in students if action.wave == plan.CANARY]

    clusters = [(action.stack, action.wave) for action in found.actions if not action.student]

    assert clusters == ([(chosen.platform_stack, plan.PLATFORM)] if chosen.shared and selection.includes("") else [])
    assert {action.wave for action in students} <= {plan.CANARY, plan.REST}
    assert len(first) == (len(students) >= 3)


@every_class
@given(chosen=rosters(), known=knowns(), selection=SELECTIONS)
def test_down_destroys_only_what_stands_of_the_class_and_was_asked_for(
    chosen: Roster, known: dict[str, StackRecord], selection: Selection
) -> None:
    going = [action for action in plan.down(chosen, known, selection).actions if action.acts]
    own = {each.stack: each.id for each in chosen.students}

    assert {action.verb for action in going} <= {Verb.DESTROY, Verb.PRUNE_STATE}
    for action in going:
        assert known[action.stack].classroom == chosen.classroom
        assert known[action.stack].state is not State.GONE
        if action.stack in own:
            assert selection.includes(own[action.stack])
        elif action.student:
            assert selection.removed


@every_class
@given(chosen=rosters(), known=knowns(), selection=SELECTIONS)
def test_in_down_the_shared_cluster_goes_only_when_nobody_is_left_on_it(
    chosen: Roster, known: dict[str, StackRecord], selection: Selection
) -> None:
    waves = plan.down(chosen, known, selection).waves
    going = {action.stack for wave in waves for action in wave}
    left = {
        stack
        for stack, each in known.items()
        if each.classroom == chosen.classroom and each.student and each.state is not State.GONE and stack not in going
    }
    forgotten = {action.stack for wave in waves for action in wave if action.verb is Verb.PRUNE_STATE}

    if chosen.platform_stack in going:
        assert left == set()
        assert selection.includes("")
        # A cluster of the class' own takes along what is on it; from another's, the students go first.
        place = waves[0] if chosen.owns_platform else waves[-1]
        assert [action.stack for action in place] == [chosen.platform_stack]
        on_it = {stack for stack in going if known[stack].shares}
        assert forgotten == (on_it if chosen.owns_platform else set())
    else:
        assert forgotten == set()


@every_class
@given(chosen=rosters(), program=some.text(max_size=4))
def test_a_class_that_a_plan_has_made_stands_and_one_that_was_taken_down_is_gone(chosen: Roster, program: str) -> None:
    made = {
        action.stack: StackRecord(
            stack=action.stack,
            classroom=chosen.classroom,
            student=action.student,
            state=State.STANDS,
            digest=action.digest,
            shares=chosen.shared and bool(action.student),
        )
        for action in plan.up(chosen, {}, program).actions
    }

    assert plan.up(chosen, made, program).nothing_to_do
    assert {action.stack for action in plan.down(chosen, made).actions if action.acts} == made.keys()
