"""The checks on strategies: solved, untouched, and what each says; against a lab that only pretends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from components.rollouts import strategies as notes
from lab.services.grading import strategies
from lab.services.grading.rollout_inspector import Replacement, RolloutInspector
from lab.services.lessons import lessons
from lab.services.lessons.lessons import Subject
from tests.unit.rollouts import made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.services.grading.evaluation import CheckResult
    from lab.services.rollouts.state import Rollout

NOTHING_LOST = Replacement(requests=300, lost=0, seconds=16.2, over=True, seen=True)
SOME_LOST = replace(NOTHING_LOST, lost=57)


@dataclass
class Pretender:
    """A lab as nobody has touched it, but for what is told."""

    deployment: str = "RollingUpdate"
    replacement: Replacement = NOTHING_LOST
    answers: dict[str, int] = field(default_factory=lambda: {"v1": 1})
    """Shares of the versions that answer."""
    rollouts: dict[str, Rollout] = field(default_factory=lambda: {"example-rollout": example(revision=1)})
    routes: list[dict[str, int]] = field(default_factory=lambda: [{"stable": 100, "canary": 0}])
    """The weights at each look; the last of them stays."""
    active: str = ""
    asked: list[int] = field(default_factory=list)
    replaced: int = 0

    def strategy(self) -> str:
        return self.deployment

    def replace(self) -> Replacement:
        self.replaced += 1
        return self.replacement

    def versions(self, times: int) -> Counter[str]:
        self.asked.append(times)
        whole = sum(self.answers.values())
        return Counter({version: times * share // whole for version, share in self.answers.items()})

    def rollout(self, name: str) -> Rollout | None:
        return self.rollouts.get(name)

    def weights(self) -> dict[str, int]:
        return self.routes.pop(0) if len(self.routes) > 1 else self.routes[0]

    def selected(self, namespace: str, service: str) -> str:
        return self.active if (namespace, service) == ("default", "nginx-active") else ""


def example(*, revision: int, pods: int = 10, blue_green: bool = False) -> Rollout:
    """The notes' Rollout, complete at a revision."""
    kind = made.blue_green if blue_green else made.rollout
    given = kind("example-rollout", "default", **{**made.healthy(), "controllerPause": False, "pauseConditions": []})
    if not blue_green:
        given["spec"]["strategy"] = notes.handout_canary()
    sets = [made.replica_set(each, f"r{each}", desired=0, ready=0, available=0) for each in range(1, revision)]
    return made.state(given, *sets, made.replica_set(revision, "new", desired=10, ready=pods, available=pods))


def delivery(*, status: made.Object | None = None, runs: Sequence[made.Object] = (), first: bool = False) -> Rollout:
    """The shop's Rollout by the mesh's routes, at 20 per cent of its second revision."""
    chosen = status or {}
    sets = [made.replica_set(1, "new")] if first else made.sets()
    return made.state(made.rollout(**chosen), *sets, *runs)


def preview(*, status: made.Object | None = None, runs: Sequence[made.Object] = ()) -> Rollout:
    """The shop's Rollout by blue/green, at its second revision."""
    healthy = {**made.healthy(), "controllerPause": False, "pauseConditions": []}
    return made.state(made.blue_green(**(healthy if status is None else status)), *made.sets(), *runs)


def before_promotion(phase: str) -> made.Object:
    run = made.analysis(phase)
    run["metadata"]["labels"]["rollout-type"] = "PrePromotion"
    return run


FAILED = made.analysis("Failed", {"phase": "Failed", **made.measured("[0.7142857142857143]", failed=2)})


def at(weight: int) -> list[dict[str, int]]:
    return [{"stable": 100 - weight, "canary": weight}]


SOLVED: dict[str, Callable[[], Pretender]] = {
    "strategies.recreate": lambda: Pretender(deployment="Recreate", replacement=SOME_LOST, answers={"v2": 1}),
    "strategies.ramped": lambda: Pretender(answers={"v2": 1}),
    "strategies.canary": lambda: Pretender(rollouts={"example-rollout": example(revision=2)}),
    "strategies.blue-green": lambda: Pretender(
        rollouts={"example-rollout": example(revision=2, blue_green=True)}, active="new"
    ),
    "strategies.istio-canary": lambda: Pretender(
        rollouts={"delivery": delivery()}, routes=at(20), answers={"v1": 81, "v2": 19}
    ),
    "strategies.istio-canary-failing": lambda: Pretender(
        rollouts={"delivery": delivery(status=made.aborted("success-rate"), runs=[FAILED])}
    ),
    "strategies.istio-blue-green": lambda: Pretender(
        rollouts={"delivery": preview(runs=[before_promotion("Successful")])}, answers={"v2": 1}
    ),
}

NOTES = "setWeight 10, pause 10s, setWeight 20, pause 10s, setWeight 30, pause 10s, setWeight 40, pause 10s"
MEANWHILE = "of 100 requests or more while all its Pods are replaced"

UNTOUCHED = {
    "strategies.recreate": "delivery: RollingUpdate; 0 of 300 requests lost in 16 s; after it: v1 100",
    "strategies.ramped": "delivery: RollingUpdate; 0 of 300 requests lost in 16 s; after it: v1 100",
    "strategies.canary": f"example-rollout: canary, {NOTES}, revision 1 complete; Pods: revision 1: 10",
    "strategies.blue-green": "example-rollout: canary, revision 1 complete; nginx-active leads to none of its "
    "revisions",
    "strategies.istio-canary": "delivery: no Rollout",
    "strategies.istio-canary-failing": "delivery: no Rollout",
    "strategies.istio-blue-green": "delivery: no Rollout",
}

MESSAGES = {
    "strategies.recreate": [
        f"delivery: Recreate; {MEANWHILE}, at least 1 is lost; after it: v2 100 of 100",
        "delivery: Recreate; 57 of 300 requests lost in 16 s; after it: v2 100",
    ],
    "strategies.ramped": [
        f"delivery: RollingUpdate; {MEANWHILE}, none is lost; after it: v2 100 of 100",
        "delivery: RollingUpdate; 0 of 300 requests lost in 16 s; after it: v2 100",
    ],
    "strategies.canary": [
        f"example-rollout: canary, {NOTES}; revision 2 or later complete, with all 10 Pods",
        f"example-rollout: canary, {NOTES}, revision 2 complete; Pods: revision 2: 10",
    ],
    "strategies.blue-green": [
        "example-rollout: blueGreen, revision 2 or later; the Service nginx-active leads to the newest revision",
        "example-rollout: blueGreen, revision 2 complete; nginx-active leads to revision 2",
    ],
    "strategies.istio-canary": [
        "delivery: revision 2 or later, not aborted; of 500 requests to delivery: v2 20 % +- 5.9 (confidence 99.9%)",
        "delivery: canary, revision 2 Progressing; v2 19.0% (v1 405, v2 95)",
    ],
    "strategies.istio-canary-failing": [
        "delivery: aborted, its analysis failed; the stable version: v1 500 of 500",
        "delivery: canary, revision 2 aborted; analysis run failed: success-rate [0.7142857142857143]; v1 500",
    ],
    "strategies.istio-blue-green": [
        "delivery: revision 2 or later complete; analysis before the promotion: Successful; v2 200 of 200",
        "delivery: blueGreen, revision 2 complete; analysis before the promotion: Successful; v2 200",
    ],
}


def run(name: str, lab: Pretender) -> CheckResult:
    return strategies.CHECKS[name](cast("RolloutInspector", lab))


def test_every_lesson_that_has_something_to_solve_has_its_check() -> None:
    told = {each.commands[-1].removeprefix("lab check ") for each in lessons.every(Subject.STRATEGIES)}
    checks = {each for each in told if each.startswith("strategies.")}

    assert set(strategies.CHECKS) == checks == set(SOLVED)
    assert {f"strategies.{each.word}" for each in lessons.every(Subject.STRATEGIES)} >= checks


@pytest.mark.parametrize("name", SOLVED)
def test_a_solved_lesson_passes(name: str) -> None:
    assert run(name, SOLVED[name]()).passed


@pytest.mark.parametrize("name", SOLVED)
def test_the_untouched_lab_does_not_pass_and_is_told_as_it_is(name: str) -> None:
    finding = run(name, Pretender())

    assert not finding.passed
    assert finding.found == UNTOUCHED[name]
    assert finding.expected != finding.found
    assert finding.hint


@pytest.mark.parametrize("name", SOLVED)
def test_the_message_says_what_was_expected_and_what_was_found(name: str) -> None:
    finding = run(name, SOLVED[name]())

    assert [finding.expected, finding.found] == MESSAGES[name]


@pytest.mark.parametrize(
    "name", ["strategies.istio-canary", "strategies.istio-canary-failing", "strategies.istio-blue-green"]
)
def test_where_there_is_nothing_to_be_asked_nobody_is_asked(name: str) -> None:
    lab = Pretender()
    run(name, lab)

    assert lab.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"deployment": "RollingUpdate"},
        {"replacement": NOTHING_LOST},
        {"answers": {"v1": 1}},
        {"answers": {"v2": 99, "status 503": 1}},
        {"replacement": replace(SOME_LOST, over=False, seen=False)},
        {"replacement": replace(SOME_LOST, requests=99)},
    ],
)
def test_recreate_that_lacks_one_thing_is_not_solved(change: dict[str, Any]) -> None:
    assert not run("strategies.recreate", replace(SOLVED["strategies.recreate"](), **change)).passed


@pytest.mark.parametrize(
    "change",
    [
        {"deployment": "Recreate"},
        {"replacement": replace(NOTHING_LOST, lost=1)},
        {"answers": {"v2": 99, "v1": 1}},
        {"replacement": replace(NOTHING_LOST, over=False, seen=False)},
        {"replacement": replace(NOTHING_LOST, requests=99)},
    ],
)
def test_ramped_that_lacks_one_thing_is_not_solved(change: dict[str, Any]) -> None:
    assert not run("strategies.ramped", replace(SOLVED["strategies.ramped"](), **change)).passed


def test_a_replacement_that_was_not_seen_to_its_end_is_told() -> None:
    late = replace(NOTHING_LOST, seen=False)

    assert "in 16 s, and it took longer; " in run("strategies.ramped", Pretender(replacement=late)).found
    never = replace(late, over=False)
    assert "in 16 s, and it did not end; " in run("strategies.ramped", Pretender(replacement=never)).found


def test_without_a_deployment_no_pod_is_replaced() -> None:
    lab = Pretender(deployment="")
    finding = run("strategies.recreate", lab)

    assert (finding.passed, finding.found) == (False, "no Deployment delivery in the namespace shop")
    assert (lab.replaced, lab.asked) == (0, [])


def test_the_steps_are_those_of_the_notes() -> None:
    assert tuple(each.text for each in example(revision=1).steps) == strategies.STEPS


def test_a_canary_that_is_on_its_way_or_has_other_steps_or_pods_is_not_solved() -> None:
    solved = example(revision=2)
    others = [
        replace(solved, stable="r1"),
        replace(solved, steps=solved.steps[:-2]),
        example(revision=2, pods=9),
        example(revision=2, blue_green=True),
        replace(solved, strategy="blueGreen"),
        replace(
            solved, replica_sets=tuple(replace(each, available=each.available or 1) for each in solved.replica_sets)
        ),
    ]

    assert not any(run("strategies.canary", Pretender(rollouts={"example-rollout": each})).passed for each in others)


@pytest.mark.parametrize(("active", "told"), [("r1", "revision 1"), ("", "none of its revisions")])
def test_a_blue_green_that_was_not_promoted_is_not_solved(active: str, told: str) -> None:
    lab = replace(SOLVED["strategies.blue-green"](), active=active)
    finding = run("strategies.blue-green", lab)

    assert not finding.passed
    assert finding.found.endswith(f"nginx-active leads to {told}")


@pytest.mark.parametrize(
    "rollout",
    [
        example(revision=1, blue_green=True),
        example(revision=2, blue_green=True, pods=0),
        example(revision=2),
    ],
)
def test_a_first_revision_one_without_pods_or_a_canary_is_no_blue_green_that_was_promoted(rollout: Rollout) -> None:
    lab = Pretender(rollouts={"example-rollout": rollout}, active="new")

    assert not run("strategies.blue-green", lab).passed


@pytest.mark.parametrize(("found", "passed"), [({"v1": 74, "v2": 26}, False), ({"v1": 75, "v2": 25}, True)])
def test_a_share_that_chance_does_not_explain_is_not_that_of_the_weights(
    found: dict[str, int], *, passed: bool
) -> None:
    lab = replace(SOLVED["strategies.istio-canary"](), answers=found)

    assert run("strategies.istio-canary", lab).passed is passed


def test_a_share_that_is_near_is_drawn_again_and_the_larger_sample_decides() -> None:
    lab = replace(SOLVED["strategies.istio-canary"](), answers={"v1": 74, "v2": 26})
    finding = run("strategies.istio-canary", lab)

    assert lab.asked == [500, 2000]
    assert "of 2000 requests to delivery: v2 20 % +- 2.9" in finding.expected


def test_what_neither_version_said_is_never_chance() -> None:
    lab = replace(SOLVED["strategies.istio-canary"](), answers={"v1": 399, "v2": 100, "status 503": 1})

    assert not run("strategies.istio-canary", lab).passed


@pytest.mark.parametrize(("found", "passed"), [({"v2": 1}, True), ({"v2": 499, "v1": 1}, False)])
def test_a_canary_of_the_mesh_that_is_complete_answers_everybody(found: dict[str, int], *, passed: bool) -> None:
    done = delivery(status=made.healthy())
    lab = Pretender(rollouts={"delivery": done}, routes=[{"stable": 100, "canary": 0}], answers=found)
    finding = run("strategies.istio-canary", lab)

    assert finding.passed is passed
    assert "v2 100 % +- 0.0" in finding.expected


def test_a_canary_of_the_mesh_that_was_aborted_or_is_the_first_is_not_solved() -> None:
    aborted = Pretender(rollouts={"delivery": delivery(status=made.aborted())}, routes=at(0))
    first = Pretender(rollouts={"delivery": delivery(status=made.healthy(), first=True)})

    assert not run("strategies.istio-canary", aborted).passed
    assert not run("strategies.istio-canary", first).passed


def test_weights_that_change_meanwhile_are_looked_at_once_more() -> None:
    lab = replace(SOLVED["strategies.istio-canary"](), routes=[*at(20), *at(50)], answers={"v1": 1, "v2": 1})
    assert run("strategies.istio-canary", lab).passed
    assert lab.asked == [500, 500]

    restless = replace(lab, routes=[*at(20), *at(50), *at(50), *at(80)], asked=[])
    finding = run("strategies.istio-canary", restless)
    assert not finding.passed
    assert "the weights changed while it was asked" in finding.found
    assert restless.asked == [500, 500]


def test_a_rollout_without_routes_is_no_canary_of_the_mesh() -> None:
    lab = replace(SOLVED["strategies.istio-canary"](), rollouts={"delivery": replace(delivery(), routed=False)})

    assert not run("strategies.istio-canary", lab).passed


@pytest.mark.parametrize(
    ("rollout", "answers"),
    [
        (delivery(status=made.aborted(), runs=[FAILED]), {"v1": 499, "v2": 1}),
        (delivery(status=made.aborted(), runs=[FAILED]), {"v1": 499, "status 503": 1}),
        (delivery(status=made.aborted()), {"v1": 1}),
        (delivery(status=made.aborted(), runs=[made.analysis("Successful")]), {"v1": 1}),
        (delivery(runs=[FAILED]), {"v1": 1}),
        (replace(delivery(status=made.aborted(), runs=[FAILED]), routed=False), {"v1": 1}),
    ],
)
def test_a_failing_version_that_was_not_given_up_by_its_analysis_is_not_solved(
    rollout: Rollout, answers: dict[str, int]
) -> None:
    lab = Pretender(rollouts={"delivery": rollout}, answers=answers)

    assert not run("strategies.istio-canary-failing", lab).passed


def test_a_failing_version_that_has_the_stable_ones_name_cannot_be_told_apart() -> None:
    rollout = delivery(status=made.aborted(), runs=[FAILED])
    same = replace(rollout, replica_sets=tuple(replace(each, version="v1") for each in rollout.replica_sets))

    assert not run("strategies.istio-canary-failing", Pretender(rollouts={"delivery": same})).passed


@pytest.mark.parametrize(
    ("rollout", "answers"),
    [
        (preview(runs=[before_promotion("Successful")]), {"v2": 199, "v1": 1}),
        (preview(runs=[before_promotion("Failed")]), {"v2": 1}),
        (preview(), {"v2": 1}),
        (preview(runs=[made.analysis("Successful")]), {"v2": 1}),
        (preview(status={}, runs=[before_promotion("Successful")]), {"v2": 1}),
        (delivery(status=made.healthy(), runs=[before_promotion("Successful")]), {"v2": 1}),
    ],
)
def test_a_blue_green_of_delivery_that_lacks_one_thing_is_not_solved(rollout: Rollout, answers: dict[str, int]) -> None:
    lab = Pretender(rollouts={"delivery": rollout}, answers=answers)

    assert not run("strategies.istio-blue-green", lab).passed


def test_no_check_asks_more_often_than_it_may() -> None:
    for name, solved in SOLVED.items():
        lab = solved()
        run(name, lab)
        assert sum(lab.asked) <= 1000
