"""Fields that somebody else may have written: which of them an update sets back, and which it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit import recorder
from tests.unit.components import support

if TYPE_CHECKING:
    from tests.unit.recorder import Recording

FORCE, REPLICAS = "pulumi.com/patchForce", "istio-lab/replicas"


def notes(each: Any) -> dict[str, str]:  # noqa: ANN401 - a recorded resource
    found: dict[str, str] = each.inputs["metadata"].get("annotations", {})
    return found


def test_an_update_sets_back_whatever_somebody_else_wrote_into_any_object(dev: Recording, anna: Recording) -> None:
    for recording in (dev, anna):
        objects = [each for each in recording.kubernetes() if not each.type.endswith(":Release") and not each.read]
        assert len(objects) > 20
        assert [each.name for each in objects if notes(each).get(FORCE) != "true"] == []


def test_a_workload_that_is_new_gets_the_declared_number_of_pods(dev: Recording) -> None:
    order = dev.one("shop-order", ":Deployment")

    assert (order.inputs["spec"]["replicas"], notes(order)[REPLICAS], order.ignored) == (2, "2", ())


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state in which order and delivery have 2 Pods by their settings, of which somebody made 5."""
    state: dict[str, Any] = {
        f"urn:{app}": {
            "type": "kubernetes:apps/v1:Deployment",
            "outputs": {
                "metadata": {"name": app, "namespace": "shop", "annotations": {REPLICAS: "2"}},
                "spec": {"replicas": 5},
            },
        }
        for app in ("order", "delivery")
    }
    monkeypatch.setattr(recorder, "OWN_RESOURCES", state)


@pytest.mark.usefixtures("scaled")
def test_the_number_of_pods_is_left_to_whoever_scaled_until_its_setting_changes() -> None:
    recording = support.main(shop={"order": {"replicas": 2}, "delivery": {"replicas": 4}})
    order, delivery = (recording.one(f"shop-{app}", ":Deployment") for app in ("order", "delivery"))

    assert order.ignored == ("spec.replicas",)
    assert (delivery.ignored, delivery.inputs["spec"]["replicas"], notes(delivery)[REPLICAS]) == ((), 4, "4")


@pytest.mark.parametrize(("strategy", "ignored"), [("canary", True), ("blueGreen", False)])
def test_a_rollout_that_is_replaced_begins_with_the_declared_number_of_pods(
    monkeypatch: pytest.MonkeyPatch, strategy: str, *, ignored: bool
) -> None:
    former = support.main().one("example-rollout", ":Rollout").inputs
    outputs = {"metadata": former["metadata"], "spec": {**former["spec"], "replicas": 7}}
    state = {"urn:example": {"type": "kubernetes:argoproj.io/v1alpha1:Rollout", "outputs": outputs}}
    monkeypatch.setattr(recorder, "OWN_RESOURCES", state)

    rollout = support.main(rollouts={"example": {"strategy": strategy}}).one("example-rollout", ":Rollout")

    assert ("spec.replicas" in rollout.ignored) == ignored
    assert rollout.inputs["spec"]["replicas"] == 10
