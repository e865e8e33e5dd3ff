"""What no status of a Rollout says: what stands around it, and what its controller complains of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.services.rollouts import arguments, complaints, explain, objects, refusals
from lab.services.rollouts.explain import LabContext
from tests.unit.rollouts import made

if TYPE_CHECKING:
    from lab.services.rollouts.state import Rollout

HERE = LabContext(embedded=False)


def thing(kind: str, name: str, **spec: object) -> made.Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def routed(*subsets: str) -> list[made.Object]:
    """The VirtualService delivery with a route to each subset."""
    destinations = [{"destination": {"host": "delivery.shop.svc.cluster.local", "subset": each}} for each in subsets]
    return [thing("VirtualService", "delivery", http=[{"name": "primary", "route": destinations}])]


def rule(*subsets: str) -> made.Object:
    return thing("DestinationRule", "rule", host="delivery", subsets=[{"name": each} for each in subsets])


def event(kind: str, reason: str, message: str, seconds: float) -> made.Object:
    about = {"kind": "Rollout", "name": "delivery"}
    when = made.ago(seconds)
    return {
        "kind": "Event", "type": kind, "reason": reason, "message": message, "involvedObject": about,
        "lastTimestamp": when,
    }  # fmt: skip


def found(rollout: made.Object, *around: made.Object, log: tuple[str, ...] = ()) -> Rollout:
    state = objects.find("delivery", [rollout, *made.sets()], made.NOW, around=(rollout, *around), log=log)
    assert state is not None
    return state


def texts(rollout: made.Object, *around: made.Object) -> str:
    return " ".join(each.text for each in found(rollout, *around).obstacles)


def test_a_subset_that_no_rule_has_is_named_with_those_that_there_are() -> None:
    given = found(made.rollout(**made.paused(currentStepIndex=4)), *routed("stable", "v3"), rule("stable", "v2"))
    said = explain.explain(given, HERE)

    assert (
        "The DestinationRule rule has no subset v3: requests that are routed to it are answered with 503" in said.text
    )
    assert "It has: stable, v2." in said.text
    assert said.commands == ("kubectl -n shop edit destinationrule rule", "lab rollout abort delivery  # go back")
    assert said.broken


@pytest.mark.parametrize(
    "around", [[*routed("stable"), rule("stable")], routed(), [], [thing("VirtualService", "other", http=[{}])]]
)
def test_routes_that_lead_somewhere_are_no_obstacle(around: list[made.Object]) -> None:
    assert texts(made.rollout(), *around) == ""


def test_a_rule_that_is_not_there_leads_to_nobody() -> None:
    assert "No DestinationRule has the subset v3 of delivery" in texts(made.rollout(), *routed("v3"))


@pytest.mark.parametrize(("others", "told"), [((), True), (("primary",), True), (("second",), False)])
def test_two_rollouts_on_one_route_write_over_each_other(others: tuple[str, ...], *, told: bool) -> None:
    first, second = made.rollout(), made.rollout("billing")
    for each, routes in ((first, ("primary",)), (second, others)):
        service = {"name": "delivery", "routes": list(routes)}
        each["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]["virtualService"] = service

    assert ("The Rollout billing changes the same route" in texts(first, second)) == told


def test_a_rollout_that_the_controller_refuses_changes_no_route() -> None:
    other = made.rollout("billing", conditions=[made.condition("InvalidSpec", "True", "InvalidSpec", "no")])
    other["spec"]["strategy"] = made.rollout()["spec"]["strategy"]

    assert texts(made.rollout(), other) == ""


@pytest.mark.parametrize("kind", ["Rollout", "Deployment"])
def test_what_selects_the_same_pods_is_a_caution_and_no_error(kind: str) -> None:
    other = thing(kind, "copy", selector={"matchLabels": {"app": "delivery"}})
    said = explain.explain(found(made.rollout(**made.healthy()), other), HERE)

    assert said.text.startswith("Revision 2 (v2) gets every request")
    assert f"The {kind} copy selects the same Pods" in said.text
    assert not said.broken


def test_services_that_are_gone_are_missed() -> None:
    assert "The Service delivery-preview (previewService) does not exist" in texts(
        made.blue_green(), thing("Service", "delivery")
    )


def test_a_deployment_that_still_runs_beside_its_rollout_is_scaled_down_by_a_command() -> None:
    given = made.rollout(**made.healthy())
    del given["spec"]["template"]
    given["spec"]["workloadRef"] = {"kind": "Deployment", "name": "old"}
    said = explain.explain(found(given, thing("Deployment", "old", replicas=3)), HERE)

    assert "still runs 3 Pods of its own" in said.text
    assert said.commands == (
        "kubectl -n shop set image deployment/old *=IMAGE  # roll a new version out",
        "kubectl -n shop scale deployment old --replicas=0",
    )
    given["spec"]["workloadRef"]["scaleDown"] = "onsuccess"
    assert texts(given, thing("Deployment", "old", replicas=3)) == ""


def test_a_warning_that_only_an_event_has_is_told() -> None:
    said = explain.explain(
        found(
            made.rollout(),
            event("Normal", "TrafficWeightUpdated", "Traffic weight updated to 20", 60),
            event("Warning", "TrafficRoutingError", "admission webhook denied the request", 5),
        ),
        HERE,
    )

    assert "The controller cannot go on: admission webhook denied the request." in said.text
    assert said.commands[0] == "kubectl -n shop edit rollout delivery"
    assert said.broken


def test_a_warning_that_progress_has_followed_is_over() -> None:
    warning = event("Warning", "TrafficRoutingError", "refused", 30)
    other = event("Warning", "AnalysisRunFailed", "the status of the analysis tells it", 1)

    assert complaints.of_events("delivery", [warning, event("Normal", "RolloutStepCompleted", "done", 1)]) == ""
    assert complaints.of_events("delivery", [warning, other]) == "refused"
    assert complaints.of_events("delivery", [other]) == ""


@pytest.mark.parametrize(
    "message",
    [
        "delaying destination rule switch: ReplicaSet delivery-new not fully available",
        'Operation cannot be fulfilled on rollouts "delivery": the object has been modified',
    ],
)
def test_what_every_rollout_meets_on_its_way_is_no_complaint(message: str) -> None:
    escaped = message.replace('"', r"\"")
    line = f'level=error msg="rollout syncHandler error: {escaped}" namespace=shop rollout=delivery'

    assert complaints.of_events("delivery", [event("Warning", "TrafficRoutingError", message, 1)]) == ""
    assert complaints.of_log("delivery", "shop", [line]) == ""


def test_routes_that_wait_for_the_stable_version_are_told_by_its_pods() -> None:
    stable = made.replica_set(1, "old", desired=2, ready=1, available=1)
    broken = made.pod("delivery-old-x", "old", **made.waiting("ImagePullBackOff"))
    said = explain.explain(made.state(made.rollout(), stable, made.replica_set(2, "new"), broken), HERE)

    assert "1 of 2 Pods of the stable revision 1 (v1) are available; the routes stay as they are" in said.text
    assert said.commands[0] == "kubectl -n shop describe pod delivery-old-x"


def test_the_last_look_of_the_controllers_log_counts() -> None:
    begun = 'level=info msg="Started syncing rollout" namespace=shop rollout=delivery'
    failed = r'level=error msg="rollout syncHandler error: webhook \"v\" denied it" namespace=shop rollout=delivery'
    other = 'level=error msg="rollout syncHandler error: else" namespace=shop rollout=delivery-two'

    assert complaints.of_log("delivery", "shop", [begun, failed, other]) == 'webhook "v" denied it'
    assert complaints.of_log("delivery", "shop", [begun, failed, begun]) == ""


def test_a_controller_that_fails_at_a_rollout_is_not_called_dead() -> None:
    unseen = made.rollout(observedGeneration="3")
    failing = event("Warning", "DestinationRuleNotFound", "DestinationRule `rule` not found", 1)

    assert "cannot go on: DestinationRule `rule` not found" in explain.explain(found(unseen, failing), HERE).text


@pytest.mark.parametrize(
    ("manager", "first"), [("pulumi-kubernetes-1a", "make up"), ("kubectl-client-side-apply", "kubectl")]
)
def test_the_remedy_fits_who_made_the_rollout(manager: str, first: str) -> None:
    message = 'The Rollout "delivery" is invalid: spec.strategy: service "none" not found'
    given = made.rollout(phase="Degraded", conditions=[made.condition("InvalidSpec", "True", "InvalidSpec", message)])
    given["metadata"]["managedFields"] = [{"manager": "rollouts-controller"}, {"manager": manager}]
    said = explain.explain(found(given), HERE)

    assert 'spec.strategy: service "none" not found' in said.text
    assert said.commands[0].startswith(first)


def test_arguments_stand_where_the_run_has_placeholders() -> None:
    run = made.analysis("Failed", made.measured("[0.5]", failed=2))
    run["spec"]["args"] = [{"name": "least", "value": "0.9"}, {"name": "limit", "value": "1"}, {"name": "open"}]
    run["spec"]["metrics"][0] |= {"failureLimit": "{{args.limit}}", "successCondition": "result[0] >= {{ args.least }}"}
    [analysis] = made.state(made.rollout(), *made.sets(), run).analyses

    assert (analysis.metrics[0].limit, analysis.metrics[0].success) == (1, "result[0] >= 0.9")


@pytest.mark.parametrize(("text", "number"), [("3", 3), (2, 2), ("-1", -1), (None, 0), ("{{args.x}}", 0), ("many", 0)])
def test_a_limit_is_a_number_or_nothing(text: object, number: int) -> None:
    assert arguments.whole(text) == number


@pytest.mark.parametrize(
    ("reason", "look"),
    [
        ('activeService: Invalid value: "a": service "a" not found', "get services"),
        ('istio.virtualService.name: Invalid value: "vs": Istio VirtualService has invalid HTTP routes',
         "get virtualservice vs -o yaml"),
        ("AnalysisTemplate 'a' not found", "get analysistemplates"),
        ("MaxSurge and MaxUnavailable both can not be zero", ""),
    ],
)  # fmt: skip
def test_a_refusal_says_where_to_look(reason: str, look: str) -> None:
    assert refusals.read(f'The Rollout "x" is invalid: {reason}') == (f"{reason}.", look)


def test_pods_that_the_cluster_refuses_are_no_progress() -> None:
    newest = made.replica_set(2, "new", ready=0, available=0)
    newest["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: few"}]
    said = explain.explain(made.state(made.rollout(), made.replica_set(1, "old"), newest), HERE)

    assert "Nothing is to be done" not in said.text
    assert said.commands[0] == "kubectl -n shop describe resourcequota"
    assert not said.moves


def test_a_rollout_of_no_replicas_answers_nobody() -> None:
    given = made.rollout(**made.healthy())
    given["spec"]["replicas"] = 0

    assert "nobody answers a request" in explain.explain(made.state(given, *made.sets()), HERE).text
