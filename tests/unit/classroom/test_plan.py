"""What is done for a class, in which order and why: a table, and what holds for every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from lab.services.classes import configuration, plan
from lab.services.classes.plan import Known, Plan, State, Verb, Wish
from lab.services.classes.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM, NEXT_PROGRAM = "abc1", "abc2"
CLUSTER = "ws26-platform"


def klass(*ids: str, **more: object) -> Roster:
    given = {"class": "ws26", "students": [{"id": each} for each in ids], **more}
    return Roster.model_validate(given, by_alias=True, by_name=False)


def digests(chosen: Roster) -> dict[str, str]:
    """Of every stack of a class, as it is to be."""
    students = {each.stack: configuration.of_student(chosen, each) for each in chosen.students}
    cluster = {chosen.platform_stack: configuration.of_platform(chosen)} if chosen.shared else {}
    return {stack: plan.digest(config, PROGRAM) for stack, config in {**cluster, **students}.items()}


def one(stack: str, state: State = State.STANDS, **more: Any) -> dict[str, Known]:  # noqa: ANN401 - the fields'
    student = stack.removeprefix("student-") if stack.startswith("student-") else ""
    return {stack: Known(**{"stack": stack, "classroom": "ws26", "student": student, "state": state, **more})}


def standing(chosen: Roster, **states: State) -> dict[str, Known]:
    """A class that is as it is to be, but for the states of some, by id; the shared cluster's is `platform`."""
    found: dict[str, Known] = {}
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
FIRST = "; the first, for all"
CHANGED = "the class file or the program has changed"
STANDS = "it stands as it is to be"
UNFINISHED = "the last run did not finish it"
NO_LONGER_RUNS = "something of it no longer runs"
AGAIN = "it was asked for again"
ELSEWHERE = "it is in no class file any more; take it away with: lab class down --removed"

THREE = klass("anna", "bob", "carl")

WHY: dict[str, tuple[dict[str, Known], Wish, Verb, str]] = {
    "never heard of": ({}, Wish(), Verb.CREATE, NEW),
    "taken down": (one("student-anna", State.GONE), Wish(), Verb.CREATE, "it was taken down"),
    "taken down, and ill before": (
        one("student-anna", State.GONE, healthy=False),
        Wish(again=True),
        Verb.CREATE,
        "it was taken down",
    ),
    "cut off": (one("student-anna", State.UNFINISHED), Wish(), Verb.RESUME, UNFINISHED),
    "cut off, and as it is to be otherwise": (standing(THREE, anna=State.UNFINISHED), Wish(), Verb.RESUME, UNFINISHED),
    "cut off, and ill": (
        one("student-anna", State.UNFINISHED, healthy=False),
        Wish(again=True),
        Verb.RESUME,
        UNFINISHED,
    ),
    "as it is to be": (standing(THREE), Wish(), Verb.KEEP, STANDS),
    "as it is to be, of all": (standing(THREE), Wish(only=frozenset({"anna"})), Verb.KEEP, STANDS),
    "of another program": (one("student-anna", digest="0" * 16), Wish(), Verb.UPDATE, CHANGED),
    "made before digests were": (one("student-anna"), Wish(), Verb.UPDATE, CHANGED),
    "another and ill": (one("student-anna", healthy=False), Wish(again=True), Verb.UPDATE, CHANGED),
    "ill": (
        one("student-anna", digest=digests(THREE)["student-anna"], healthy=False),
        Wish(),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "ill, and asked for again": (
        one("student-anna", digest=digests(THREE)["student-anna"], healthy=False),
        Wish(again=True),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "asked for again": (standing(THREE), Wish(again=True), Verb.UPDATE, AGAIN),
}


@pytest.mark.parametrize(("known", "wish", "verb", "reason"), WHY.values(), ids=WHY)
def test_what_is_done_to_a_students_stack_and_why(
    known: Mapping[str, Known], wish: Wish, verb: Verb, reason: str
) -> None:
    found = reasons(plan.up(THREE, known, PROGRAM, wish))["student-anna"]

    assert (found[0], found[1].removesuffix(FIRST)) == (verb, reason)


SHARED_WHY: dict[str, tuple[dict[str, Known], Wish, Verb, str]] = {
    "never heard of": ({}, Wish(), Verb.CREATE, NEW),
    "taken down": (standing(THREE, platform=State.GONE), Wish(), Verb.CREATE, "it was taken down"),
    "cut off": (standing(THREE, platform=State.UNFINISHED), Wish(), Verb.RESUME, UNFINISHED),
    "as it is to be": (standing(THREE), Wish(), Verb.KEEP, STANDS),
    "for another number of students": (standing(klass(*(f"s{n}" for n in range(60)))), Wish(), Verb.UPDATE, CHANGED),
    "ill": (
        {**standing(THREE), **one(CLUSTER, digest=digests(THREE)[CLUSTER], healthy=False)},
        Wish(),
        Verb.UPDATE,
        NO_LONGER_RUNS,
    ),
    "asked for again with all": (standing(THREE), Wish(again=True), Verb.UPDATE, AGAIN),
    "asked for alone": (standing(THREE), Wish(platform=True), Verb.KEEP, STANDS),
    "asked for again alone": (standing(THREE), Wish(platform=True, again=True), Verb.UPDATE, AGAIN),
}


@pytest.mark.parametrize(("known", "wish", "verb", "reason"), SHARED_WHY.values(), ids=SHARED_WHY)
def test_what_is_done_to_the_shared_cluster_and_why(
    known: Mapping[str, Known], wish: Wish, verb: Verb, reason: str
) -> None:
    assert reasons(plan.up(THREE, known, PROGRAM, wish))[CLUSTER] == (verb, reason)


WAVES: dict[str, tuple[Roster, dict[str, Known], Wish, list[list[tuple[str, str]]]]] = {
    "the cluster, one student, then the others": (
        klass("anna", "bob", "carl", "dora"),
        {},
        Wish(),
        [
            [("create", CLUSTER)],
            [("create", "anna")],
            [("create", "bob"), ("create", "carl"), ("create", "dora")],
        ],
    ),
    "without a cluster to share": (
        klass("anna", "bob", "carl", tenancy="cluster"),
        {},
        Wish(),
        [[("create", "anna")], [("create", "bob"), ("create", "carl")]],
    ),
    "two students go at once": (
        klass("anna", "bob"),
        {},
        Wish(),
        [[("create", CLUSTER)], [("create", "anna"), ("create", "bob")]],
    ),
    "one student": (klass("anna"), {}, Wish(), [[("create", CLUSTER)], [("create", "anna")]]),
    "the first of those of whom something is done": (
        klass("anna", "bob", "carl", "dora"),
        standing(klass("anna", "bob", "carl", "dora"), bob=State.GONE, carl=State.UNFINISHED, dora=State.GONE),
        Wish(),
        [[("create", "bob")], [("resume", "carl"), ("create", "dora")]],
    ),
    "nobody goes first for two of four": (
        klass("anna", "bob", "carl", "dora"),
        standing(klass("anna", "bob", "carl", "dora"), bob=State.GONE, dora=State.UNFINISHED),
        Wish(),
        [[("create", "bob"), ("resume", "dora")]],
    ),
    "nothing": (THREE, standing(THREE), Wish(), []),
    "some alone": (
        klass("anna", "bob", "carl", "dora"),
        {},
        Wish(only=frozenset({"carl", "bob"})),
        [[("create", "bob"), ("create", "carl")]],
    ),
    "three alone, of whom one goes first": (
        klass("anna", "bob", "carl", "dora"),
        {},
        Wish(only=frozenset({"carl", "bob", "dora"})),
        [[("create", "bob")], [("create", "carl"), ("create", "dora")]],
    ),
    "the cluster alone": (THREE, {}, Wish(platform=True), [[("create", CLUSTER)]]),
    "no cluster alone": (klass("anna", tenancy="cluster"), {}, Wish(platform=True), []),
    "all again": (
        THREE,
        standing(THREE),
        Wish(again=True),
        [[("update", CLUSTER)], [("update", "anna")], [("update", "bob"), ("update", "carl")]],
    ),
    "one again": (THREE, standing(THREE), Wish(only=frozenset({"bob"}), again=True), [[("update", "bob")]]),
    "a new one": (
        klass("anna", "bob", "carl", "dora"),
        standing(THREE),
        Wish(),
        [[("create", "dora")]],
    ),
    "one who is in the file no more": (klass("anna", "bob"), standing(THREE), Wish(removed=True), []),
}


@pytest.mark.parametrize(("chosen", "known", "wish", "expected"), WAVES.values(), ids=WAVES)
def test_what_waits_for_what(
    chosen: Roster, known: Mapping[str, Known], wish: Wish, expected: list[list[tuple[str, str]]]
) -> None:
    found = plan.up(chosen, known, PROGRAM, wish)

    assert acts(found) == expected
    assert found.nothing_to_do is (expected == [])


def test_one_student_finds_out_for_all_and_the_plan_says_so() -> None:
    found = reasons(plan.up(THREE, {}, PROGRAM))

    assert [found[f"student-{each}"][1] for each in ("anna", "bob", "carl")] == [NEW + FIRST, NEW, NEW]


def test_actions_stand_in_the_order_in_which_they_are_begun() -> None:
    known = standing(klass("anna", "bob", "carl", "dora"), bob=State.GONE, carl=State.GONE, dora=State.GONE)
    found = plan.up(klass("anna", "bob", "carl", "dora"), known, PROGRAM)

    assert [action.stack for action in found.actions] == [
        CLUSTER,
        *(f"student-{each}" for each in ("bob", "anna", "carl", "dora")),
    ]


def test_an_action_has_all_that_its_stack_is_to_be() -> None:
    chosen = klass(students=[{"id": "anna", "name": "Anna Kim", "settings": {"shop": {"enabled": False}}}])
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
        action.stack: Known(
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
@pytest.mark.parametrize("wish", [Wish(), Wish(removed=True), Wish(again=True), Wish(only=frozenset({"anna"}))])
def test_a_student_who_is_in_the_file_no_more_stays_and_the_plan_says_how_to_end_it(state: State, wish: Wish) -> None:
    known = {**standing(klass("anna")), **one("student-old", state, name="Old")}
    found = plan.up(klass("anna"), known, PROGRAM, wish)

    assert reasons(found)["student-old"] == (Verb.KEEP, ELSEWHERE)
    assert next(action.name for action in found.actions if action.stack == "student-old") == "Old"


def test_a_student_who_is_gone_and_in_the_file_no_more_is_not_spoken_of() -> None:
    assert "student-old" not in reasons(plan.up(klass("anna"), one("student-old", State.GONE), PROGRAM))


# --- down ---

ASKED = "it was asked for"
ASKED_THOUGH_REMOVED = "it is in no class file any more, and was asked for"
WENT_ALONG = "it went with the cluster"
NOBODY = "nobody is on it any more"
OLD = one("student-old", shares=True)
ALONE = one("student-bob", shares=False)
"""Who has a cluster that is no part of the shared one, such as one of an earlier tenancy."""

ALL = ["anna", "bob", "carl"]
FOREIGN = klass(*ALL, platform={"target": "kubeconfig", "kubeconfig": {"file": "k.yaml", "context": "c"}})
"""A class on a cluster that is somebody else's, and stays when the class goes."""


def all_of(verb: str, *ids: str) -> list[tuple[str, str]]:
    return [(verb, each) for each in ids]


DOWN: dict[str, tuple[Roster, dict[str, Known], Wish, list[list[tuple[str, str]]], str]] = {
    "all go with the cluster": (
        THREE,
        standing(THREE),
        Wish(),
        [[("destroy", CLUSTER)], all_of("forget", *ALL)],
        NOBODY,
    ),
    "who has a cluster still is destroyed after it and not forgotten": (
        THREE,
        {**standing(THREE), **ALONE},
        Wish(),
        [[("destroy", CLUSTER)], [("forget", "anna"), ("destroy", "bob"), ("forget", "carl")]],
        NOBODY,
    ),
    "who is in the file no more and has a cluster still is destroyed too": (
        THREE,
        {**standing(THREE), **one("student-old", shares=False)},
        Wish(removed=True),
        [[("destroy", CLUSTER)], [*all_of("forget", *ALL), ("destroy", "old")]],
        NOBODY,
    ),
    "all, and then what the class put into somebody's cluster": (
        FOREIGN,
        standing(FOREIGN),
        Wish(),
        [all_of("destroy", *ALL), [("destroy", CLUSTER)]],
        NOBODY,
    ),
    "some, and the cluster is left alone": (
        THREE,
        standing(THREE),
        Wish(only=frozenset({"bob"})),
        [all_of("destroy", "bob")],
        "",
    ),
    "the last one, and the cluster is left alone": (
        THREE,
        standing(THREE, anna=State.GONE, bob=State.GONE),
        Wish(only=frozenset({"carl"})),
        [all_of("destroy", "carl")],
        "",
    ),
    "one who is gone": (THREE, standing(THREE, bob=State.GONE), Wish(only=frozenset({"bob"})), [], ""),
    "the cluster alone, on which somebody is": (
        THREE,
        standing(THREE, bob=State.GONE),
        Wish(platform=True),
        [],
        "anna, carl still stand on it",
    ),
    "the cluster alone, on which nobody is": (
        THREE,
        standing(THREE, **dict.fromkeys(ALL, State.GONE)),
        Wish(platform=True),
        [[("destroy", CLUSTER)]],
        NOBODY,
    ),
    "what was cut off": (
        THREE,
        standing(THREE, anna=State.UNFINISHED, platform=State.UNFINISHED),
        Wish(),
        [[("destroy", CLUSTER)], all_of("forget", *ALL)],
        NOBODY,
    ),
    "what was cut off keeps the cluster": (
        THREE,
        standing(THREE, anna=State.UNFINISHED, bob=State.GONE, carl=State.GONE),
        Wish(platform=True),
        [],
        "anna still stand on it",
    ),
    "only the cluster was ever made": (THREE, one(CLUSTER), Wish(), [[("destroy", CLUSTER)]], NOBODY),
    "who is in the file no more stays, and the cluster with them": (
        THREE,
        {**standing(THREE), **OLD},
        Wish(),
        [all_of("destroy", *ALL)],
        "old still stand on it",
    ),
    "who is in the file no more goes when asked for": (
        THREE,
        {**standing(THREE), **OLD},
        Wish(removed=True),
        [[("destroy", CLUSTER)], all_of("forget", *ALL, "old")],
        NOBODY,
    ),
    "many are named by three": (
        THREE,
        {**standing(THREE), **one("student-d"), **one("student-e"), **one("student-f"), **one("student-g")},
        Wish(),
        [all_of("destroy", *ALL)],
        "d, e, f and others still stand on it",
    ),
    "the cluster is gone": (
        THREE,
        standing(THREE, bob=State.GONE, carl=State.GONE, platform=State.GONE),
        Wish(),
        [all_of("destroy", "anna")],
        "",
    ),
    "nothing was ever made": (THREE, {}, Wish(), [], ""),
    "all is gone": (THREE, standing(THREE, **dict.fromkeys([*ALL, "platform"], State.GONE)), Wish(), [], ""),
}


@pytest.mark.parametrize(("chosen", "known", "wish", "expected", "cluster"), DOWN.values(), ids=DOWN)
def test_what_goes_and_what_stays(
    chosen: Roster, known: Mapping[str, Known], wish: Wish, expected: list[list[tuple[str, str]]], cluster: str
) -> None:
    found = plan.down(chosen, known, wish)

    assert acts(found) == expected
    assert found.nothing_to_do is (expected == [])
    assert reasons(found).get(CLUSTER, (None, ""))[1] == cluster


def test_the_plan_says_why_somebody_goes() -> None:
    shared, own = klass("anna"), klass("anna", tenancy="cluster")
    known = {**standing(shared), **OLD}
    removed = Wish(removed=True)

    assert reasons(plan.down(shared, known))["student-anna"] == (Verb.DESTROY, ASKED)
    assert reasons(plan.down(shared, known))["student-old"] == (Verb.KEEP, ELSEWHERE)
    assert reasons(plan.down(shared, known, removed))["student-old"] == (Verb.FORGET, WENT_ALONG)
    assert reasons(plan.down(own, {**standing(own), **OLD}, removed))["student-old"] == (
        Verb.DESTROY,
        ASKED_THOUGH_REMOVED,
    )


def test_the_plan_says_of_a_cluster_of_ones_own_that_it_was_asked_for_and_not_that_it_went() -> None:
    known = {**standing(THREE), **ALONE, **one("student-old", shares=False)}
    found = reasons(plan.down(THREE, known, Wish(removed=True)))

    assert found["student-anna"] == (Verb.FORGET, WENT_ALONG)
    assert found["student-bob"] == (Verb.DESTROY, ASKED)
    assert found["student-old"] == (Verb.DESTROY, ASKED_THOUGH_REMOVED)


def test_what_goes_needs_no_settings() -> None:
    assert {str(action.config) for action in plan.down(THREE, standing(THREE)).actions} == {"{}"}


def test_a_class_whose_students_have_a_cluster_each_goes_at_once() -> None:
    chosen = klass("anna", "bob", tenancy="cluster")

    assert acts(plan.down(chosen, standing(chosen))) == [[("destroy", "anna"), ("destroy", "bob")]]


def test_the_cluster_of_a_class_that_shares_none_any_more_goes_too() -> None:
    now = klass("anna", tenancy="cluster")

    assert acts(plan.down(now, standing(klass("anna")))) == [[("destroy", "anna")], [("destroy", CLUSTER)]]


def test_another_classs_student_does_not_go_for_the_name_of_the_cluster() -> None:
    chosen = klass("anna", **{"class": "student"})
    other = one("student-platform", classroom="ss27")

    assert chosen.platform_stack in other
    assert plan.down(chosen, other, Wish(removed=True)).actions == ()


# --- digest ---


def test_a_digest_is_of_the_settings_and_of_the_program_and_of_nothing_else() -> None:
    config = {"shop": {"enabled": True, "order": {"replicas": 2}}, "target": "shared"}
    turned = {"target": "shared", "shop": {"order": {"replicas": 2}, "enabled": True}}
    another = {"target": "shared", "shop": {"order": {"replicas": 3}, "enabled": True}}

    assert plan.digest(config, PROGRAM) == plan.digest(turned, PROGRAM)
    assert len({plan.digest(config, PROGRAM), plan.digest(another, PROGRAM), plan.digest(config, NEXT_PROGRAM)}) == 3


def test_another_students_settings_are_no_reason_to_do_anything_to_the_rest() -> None:
    before = klass(students=[{"id": "anna"}, {"id": "bob"}])
    after = klass(students=[{"id": "anna", "name": "Anna"}, {"id": "bob", "settings": {"shop": {"enabled": False}}}])

    assert acts(plan.up(after, standing(before), PROGRAM)) == [[("update", "bob")]]


# --- names that somebody else has ---

TAKEN: dict[str, tuple[Roster, dict[str, Known], set[str], list[str]]] = {
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
    "a cluster that the class does not share": (klass("anna", tenancy="cluster"), {}, {CLUSTER}, []),
    "a student of the other class whom this one does not have": (
        klass("anna"),
        one("student-bob", classroom="ss27"),
        set(),
        [],
    ),
}


@pytest.mark.parametrize(("chosen", "known", "others", "expected"), TAKEN.values(), ids=TAKEN)
def test_a_stack_that_somebody_else_has_is_named(
    chosen: Roster, known: Mapping[str, Known], others: set[str], expected: list[str]
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
    return klass(*ids, **{"class": name, "tenancy": "namespace" if shared else "cluster"})


@some.composite
def knowns(draw: some.DrawFn) -> dict[str, Known]:
    found: dict[str, Known] = {}
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


DIGESTS = sorted(set(digests(klass("anna", "bob")).values()) | set(digests(klass("anna", tenancy="cluster")).values()))
WISHES = some.builds(
    Wish,
    only=some.frozensets(IDS),
    platform=some.sampled_from([False, False, True]),
    again=some.booleans(),
    removed=some.booleans(),
)
every_class = hypothesis(max_examples=150, deadline=None, derandomize=True)


@every_class
@given(chosen=rosters(), known=knowns(), wish=WISHES)
def test_no_plan_has_a_stack_twice_or_begins_a_wave_before_an_earlier_one(
    chosen: Roster, known: dict[str, Known], wish: Wish
) -> None:
    for found in (plan.up(chosen, known, PROGRAM, wish), plan.down(chosen, known, wish)):
        stacks = [action.stack for action in found.actions]
        acting = [action for action in found.actions if action.acts]

        assert len(set(stacks)) == len(stacks)
        assert [action.wave for action in acting] == sorted(action.wave for action in acting)
        assert [action for wave in found.waves for action in wave] == acting
        assert found.nothing_to_do is (acting == [])
        assert all(action.reason for action in found.actions)


@every_class
@given(chosen=rosters(), known=knowns(), wish=WISHES)
def test_up_destroys_nothing_and_makes_only_what_is_of_the_class_file(
    chosen: Roster, known: dict[str, Known], wish: Wish
) -> None:
    acting = [action for action in plan.up(chosen, known, PROGRAM, wish).actions if action.acts]
    own = {each.stack for each in chosen.students if wish.means(each.id)}

    assert not {Verb.DESTROY, Verb.FORGET} & {action.verb for action in acting}
    assert {action.stack for action in acting} <= own | ({chosen.platform_stack} if chosen.shared else set())
    assert all(action.config and action.digest for action in acting)


@every_class
@given(chosen=rosters(), known=knowns(), wish=WISHES)
def test_in_up_the_shared_cluster_comes_before_every_student_and_at_most_one_student_goes_first(
    chosen: Roster, known: dict[str, Known], wish: Wish
) -> None:
    found = plan.up(chosen, known, PROGRAM, wish)
    students = [action for action in found.actions if action.acts and action.student]
    first = [action for action in students if action.wave == plan.CANARY]

    clusters = [(action.stack, action.wave) for action in found.actions if not action.student]

    assert clusters == ([(chosen.platform_stack, plan.PLATFORM)] if chosen.shared and wish.means("") else [])
    assert {action.wave for action in students} <= {plan.CANARY, plan.REST}
    assert len(first) == (len(students) >= 3)


@every_class
@given(chosen=rosters(), known=knowns(), wish=WISHES)
def test_down_destroys_only_what_stands_of_the_class_and_was_asked_for(
    chosen: Roster, known: dict[str, Known], wish: Wish
) -> None:
    going = [action for action in plan.down(chosen, known, wish).actions if action.acts]
    own = {each.stack: each.id for each in chosen.students}

    assert {action.verb for action in going} <= {Verb.DESTROY, Verb.FORGET}
    for action in going:
        assert known[action.stack].classroom == chosen.classroom
        assert known[action.stack].state is not State.GONE
        if action.stack in own:
            assert wish.means(own[action.stack])
        elif action.student:
            assert wish.removed


@every_class
@given(chosen=rosters(), known=knowns(), wish=WISHES)
def test_in_down_the_shared_cluster_goes_only_when_nobody_is_left_on_it(
    chosen: Roster, known: dict[str, Known], wish: Wish
) -> None:
    waves = plan.down(chosen, known, wish).waves
    going = {action.stack for wave in waves for action in wave}
    left = {
        stack
        for stack, each in known.items()
        if each.classroom == chosen.classroom and each.student and each.state is not State.GONE and stack not in going
    }
    forgotten = {action.stack for wave in waves for action in wave if action.verb is Verb.FORGET}

    if chosen.platform_stack in going:
        assert left == set()
        assert wish.means("")
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
        action.stack: Known(
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
