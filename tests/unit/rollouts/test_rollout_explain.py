"""Why a Rollout stands where it stands: each case that the controller knows, as objects of the API."""

from __future__ import annotations

import pytest

from lab.services.rollouts import explain, objects
from lab.services.rollouts.explain import Controller, LabContext
from lab.services.rollouts.state import Phase
from tests.unit.rollouts import made

HERE = LabContext(embedded=False)
ANALYSIS_FAILED = 'Step-based analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (2) > 1'


def explained(*given: made.Object, lab: LabContext = HERE, controller: Controller | None = None) -> explain.Explanation:
    return explain.explain(made.state(*given), lab, controller)


def test_a_healthy_rollout_is_told_how_to_bring_a_new_version() -> None:
    found = explained(made.rollout(**made.healthy()), *made.sets())

    assert "Revision 2 (v2) gets every request" in found.text
    assert found.commands[0].startswith("lab rollout set-image delivery delivery=IMAGE")
    assert (found.moves, found.broken) == (True, False)


def test_a_pause_of_some_seconds_says_how_many_are_left() -> None:
    found = explained(made.rollout(**made.paused(3)), *made.sets())

    assert "goes on by itself in 7 s; nothing is to be done" in found.text
    assert found.commands[0].startswith("lab rollout promote delivery  #")
    assert found.moves


def test_a_pause_without_an_end_waits_for_a_person() -> None:
    found = explained(made.rollout(**made.paused(900, currentStepIndex=4)), *made.sets())

    assert "with 20 % of the requests at the new version, until somebody promotes or aborts it" in found.text
    assert [each.split()[2] for each in found.commands] == ["promote", "abort"]
    assert not found.moves


def test_a_pause_by_hand_is_told_apart() -> None:
    made_ = made.rollout(phase="Paused", message="manually paused")
    made_["spec"]["paused"] = True

    assert "by hand, with spec.paused" in explained(made_, *made.sets()).text


def test_a_preview_waits_to_be_promoted_unless_it_is_promoted_by_itself() -> None:
    by_hand = explained(made.blue_green(strategy={"autoPromotionEnabled": False}), *made.sets())
    by_itself = explained(made.blue_green(strategy={"autoPromotionSeconds": 30}), *made.sets())

    assert by_hand.text.startswith("Revision 2 (v2) is ready as the preview; revision 1 (v1) gets the requests until")
    assert not by_hand.moves
    assert "promoted by itself in 20 s" in by_itself.text
    assert by_itself.moves


def test_an_analysis_without_a_verdict_leaves_it_to_a_person() -> None:
    run = made.analysis("Inconclusive", made.measured("[0.9]", inconclusive=1, successful=2))
    found = explained(made.rollout(**made.paused(9, "InconclusiveAnalysisRun", currentStepIndex=2)), *made.sets(), run)

    assert "1 of 3 measurements of the metric success-rate were inconclusive" in found.text
    assert found.commands[0].startswith("lab rollout promote")


def test_pods_that_must_stay_ready_are_waited_for() -> None:
    found = explained(made.rollout(), *made.sets(available=0))

    assert "must stay so for 10 s (minReadySeconds)" in found.text
    assert found.moves


def test_pods_that_are_on_their_way_are_counted() -> None:
    found = explained(made.rollout(), *made.sets(desired=3, ready=1, available=1), made.pod())

    assert found.text.startswith("1 of 3 Pods of revision 2 (v2) are ready")
    assert found.moves


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (made.waiting("ImagePullBackOff", "not found"), "delivery-new-x: ImagePullBackOff: not found."),
        (made.waiting("CrashLoopBackOff"), "delivery-new-x: CrashLoopBackOff."),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
                ]
            },
            "delivery-new-x: Unschedulable: no cpu.",
        ),
    ],
)
def test_a_pod_that_does_not_start_is_named_with_its_reason(status: made.Object, told: str) -> None:
    found = explained(made.rollout(), *made.sets(ready=0, available=0), made.pod(**status))

    assert told in found.text
    assert found.commands[0] == "kubectl -n shop describe pod delivery-new-x"
    assert not found.moves


def test_pods_of_the_former_version_are_not_blamed() -> None:
    old = made.pod("delivery-old-x", "old", **made.waiting("CrashLoopBackOff"))

    assert "CrashLoop" not in explained(made.rollout(), *made.sets(), old).text


def test_pods_that_the_cluster_refuses_are_told_by_their_replica_set() -> None:
    refused = made.replica_set(2, "new", ready=0, available=0)
    other = {"type": "Other", "status": "True", "message": "all is well"}
    refused["status"]["conditions"] = [other, {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]

    assert (
        "The cluster refuses Pods of revision 2 (v2): exceeded quota."
        in explained(made.rollout(), made.replica_set(1, "old"), refused).text
    )


def test_an_analysis_that_failed_is_told_by_value_and_condition_and_the_ways_out() -> None:
    run = made.analysis("Failed", made.measured("[0.82]", failed=2, successful=3), name="delivery-new-2-2")
    found = explained(made.rollout(**made.aborted(ANALYSIS_FAILED)), *made.sets(), run)

    assert "every request goes to revision 1 (v1), because 2 of 5 measurements of the metric success-rate failed" in (
        found.text
    )
    assert f"(1 may fail); the last value is [0.82], it succeeds where {made.CONDITION}" in found.text
    assert "AnalysisRun delivery-new-2-2" in found.text
    assert [each.split()[2] for each in found.commands] == ["set-image", "undo", "retry"]
    assert found.broken


def test_of_several_analyses_the_newest_that_failed_is_blamed() -> None:
    runs = [
        made.analysis("Failed", made.measured("[0.1]", failed=2), seconds=900, name="first"),
        made.analysis("Failed", made.measured("[0.5]", failed=2), seconds=20, name="second"),
        made.analysis("Successful", seconds=10, name="third"),
    ]

    assert "AnalysisRun second" in explained(made.rollout(**made.aborted(ANALYSIS_FAILED)), *made.sets(), *runs).text


def test_an_analysis_that_is_gone_leaves_the_controllers_own_words() -> None:
    assert (
        "assessed Failed due to failed (2) > 1."
        in explained(made.rollout(**made.aborted(ANALYSIS_FAILED)), *made.sets()).text
    )


def test_an_analysis_that_could_not_measure_blames_prometheus_not_the_version() -> None:
    run = made.analysis("Error", {"error": 5, "message": made.REFUSED})
    found = explained(made.rollout(**made.aborted(ANALYSIS_FAILED)), *made.sets(), run)

    assert "could not be judged" in found.text
    assert "Prometheus does not answer the controller" in found.text
    assert found.commands[0].startswith("lab open prometheus")


def test_an_abort_by_hand_is_told_apart() -> None:
    assert "somebody aborted it by hand" in explained(made.rollout(**made.aborted()), *made.sets()).text


def test_an_undo_that_would_meet_another_bad_version_names_the_stable_revision() -> None:
    given = [made.replica_set(1, "old"), made.replica_set(2, "bad", desired=0), made.replica_set(3, "new")]
    found = explained(made.rollout(**made.aborted()), *given)

    assert found.commands[1].startswith("lab rollout undo delivery --to-revision 1")


def test_a_deadline_that_passed_is_told_with_the_reason_of_the_pod() -> None:
    message = 'ReplicaSet "delivery-new" has timed out progressing.'
    status = {
        "phase": "Degraded",
        "message": f"ProgressDeadlineExceeded: {message}",
        "conditions": [made.condition("Progressing", "False", "ProgressDeadlineExceeded", message)],
    }
    pod = made.pod(**made.waiting("ErrImagePull", "no such tag"))
    found = explained(made.rollout(**status), *made.sets(ready=0, available=0), pod)

    assert found.text.startswith("Revision 2 (v2) was not there in time. 1 of 1 Pods do not become ready.")
    assert "ErrImagePull: no such tag." in found.text
    assert "lab rollout undo delivery" in found.commands[1]
    assert found.broken


def test_a_deadline_that_aborts_is_no_abort_by_hand() -> None:
    status = made.aborted('ReplicaSet "delivery-new" has timed out progressing.')

    assert "its Pods were not there in time" in explained(made.rollout(**status), *made.sets()).text


def test_what_the_controller_refuses_is_said_in_its_words() -> None:
    message = "The Rollout is invalid: spec.strategy.canary.steps[0].setWeight: Invalid value"
    status = {
        "phase": "Degraded",
        "message": f"InvalidSpec: {message}",
        "conditions": [made.condition("InvalidSpec", "True", "InvalidSpec", message)],
    }
    found = explained(made.rollout(**status), *made.sets())

    assert message in found.text
    assert found.commands == ("kubectl -n shop edit rollout delivery  # what the reason names",)
    assert found.broken


@pytest.mark.parametrize("status", [{}, {"observedGeneration": "3", "phase": "Healthy"}])
def test_a_controller_that_does_not_look_is_told_where_it_runs(status: made.Object) -> None:
    unseen = made.rollout()
    unseen["status"] = status
    missing, none_ready = Controller(found=False, ready=0), Controller(found=True, ready=0)

    assert explained(unseen).moves
    here = explained(unseen, lab=LabContext(embedded=True), controller=missing)
    assert "a process of this machine" in here.text
    assert here.commands == ("make up",)
    assert "argo-rollouts is not there" in explained(unseen, controller=missing).text
    assert "none of the Pods" in explained(unseen, controller=none_ready).text
    assert "its log has the reason" in explained(unseen, controller=Controller(found=True, ready=1)).text
    assert here.broken


def test_a_pause_that_does_not_end_in_time_is_the_controllers_fault() -> None:
    late = made.rollout(**made.paused(60))

    assert made.state(late).neglected
    assert "a pause that is over did not end" in explained(late, controller=Controller(found=False, ready=0)).text
    assert not made.state(made.rollout(**made.paused(12))).neglected


@pytest.mark.parametrize(
    "status",
    [
        {**made.paused(), "abort": True},
        {**made.paused(), "promoteFull": True},
        {**made.aborted(), "promoteFull": True},
        {**made.aborted(), "abort": False},
        {"phase": "Paused", "controllerPause": True},
    ],
)
def test_a_wish_that_the_controller_has_not_seen_is_progress_and_no_result(status: made.Object) -> None:
    found = made.state(made.rollout(**status), *made.sets())

    assert (found.phase, found.noticed) == (Phase.PROGRESSING, False)
    assert "has not seen" in found.message


def test_an_analysis_that_runs_goes_on_by_itself_and_says_what_is_bad_so_far() -> None:
    quiet = explained(made.rollout(currentStepIndex=2), *made.sets(), made.analysis())
    bad = explained(
        made.rollout(currentStepIndex=2), *made.sets(), made.analysis("Running", made.measured("[0]", failed=1))
    )

    assert "The analysis run runs" in quiet.text
    assert "But" not in quiet.text
    assert "But 1 of 1 measurements" in bad.text
    assert bad.moves


def test_an_analysis_that_cannot_measure_says_so_while_it_runs() -> None:
    run = made.analysis("Running", {"error": 2, "message": made.REFUSED})
    found = explained(made.rollout(currentStepIndex=2), *made.sets(), run)

    assert "Prometheus does not answer the controller" in found.text
    assert found.commands[0].startswith("lab open prometheus")


def test_commands_name_another_stack_and_an_unusual_namespace() -> None:
    found = explained(
        made.rollout("delivery", "mine", **made.paused()), *made.sets(), lab=LabContext(option=" --stack class")
    )

    assert found.commands[0].startswith("lab rollout promote delivery -n mine --stack class")


@pytest.mark.parametrize(
    ("verb", "given", "told"),
    [
        ("set-image", made.rollout(**made.healthy()), "step 1 of 5 is setWeight 20"),
        ("set-image", made.blue_green(), "its Pods get the preview, then it is promoted by itself"),
        ("promote", made.rollout(), "Step 2 of 5 (pause 10s) is over; the next one is analysis success-rate."),
        ("promote", made.rollout(currentStepIndex=4), "it was the last one"),
        ("promote", made.blue_green(), "becomes the active one"),
        ("promote --full", made.rollout(), "are skipped"),
        ("abort", made.rollout(), "every request goes to revision 1 (v1) again"),
        ("retry", made.rollout(**made.aborted()), "Revision 2 (v2) is tried once more: step 1"),
    ],
)
def test_an_action_says_what_happens_now(verb: str, given: made.Object, told: str) -> None:
    assert told in explain.after(verb, made.state(given, *made.sets()))


def test_an_undo_says_whether_the_revision_needs_its_trial() -> None:
    rollout = made.state(made.rollout(), *made.sets(), made.replica_set(0, "older", desired=0))

    assert "at once" in explain.after("undo", rollout, rollout.stable_set)
    assert "as a new revision: step 1 of 5" in explain.after("undo", rollout, rollout.replica_sets[-1])


@pytest.mark.parametrize(
    ("duration", "expected"), [("10s", 10), (30, 30), ("45", 45), ("1m30s", 90), ("1.5h", 5400), ("soon", None)]
)
def test_durations_are_read_as_the_controller_reads_them(duration: object, expected: float | None) -> None:
    assert objects.seconds(duration) == expected


def test_a_canary_without_rules_of_the_mesh_weighs_its_pods() -> None:
    plain = made.rollout()
    del plain["spec"]["strategy"]["canary"]["trafficRouting"]
    given = [made.replica_set(1, "old", desired=4, ready=4, available=4), made.replica_set(2, "new")]

    assert made.state(plain, *given).weight == 20


def test_objects_of_other_rollouts_are_left_out() -> None:
    strange = made.replica_set(9, "strange")
    strange["metadata"]["ownerReferences"] = [{"kind": "Rollout", "uid": "another"}]

    assert [each.revision for each in made.state(made.rollout(), strange, *made.sets()).replica_sets] == [2, 1]


def test_a_version_is_complete_only_once_the_controller_has_seen_the_last_change() -> None:
    changed = made.rollout(**made.healthy(), observedGeneration="3")
    new = made.rollout(currentPodHash="", stableRS="")

    assert made.state(made.rollout(**made.healthy()), *made.sets()).complete
    assert not made.state(changed, *made.sets()).complete
    assert not made.state(new).complete


def test_the_wanted_version_is_stable_and_no_canary_once_it_is_complete() -> None:
    assert [each.roles for each in made.state(made.rollout(**made.healthy()), *made.sets()).replica_sets] == [
        ("stable",),
        ("old",),
    ]


def test_pods_that_are_ready_or_go_away_wait_for_nothing() -> None:
    ready = made.pod(conditions=[{"type": "Ready", "status": "True"}])
    going = made.pod()
    going["metadata"]["deletionTimestamp"] = made.ago(1)

    assert made.state(made.rollout(), *made.sets(), ready, going).waiting_pods == ()
