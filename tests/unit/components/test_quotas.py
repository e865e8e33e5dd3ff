"""What a student's namespace counts and limits: all that costs money or fills a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.components import support
from tests.unit.components.support import after
from tests.unit.components.test_student import OWN, in_order, of, place, spec

if TYPE_CHECKING:
    from tests.unit.recorder import Recording


def quotas_of(recording: Recording, name: str = "student") -> dict[str, dict[str, Any]]:
    """The specs of the ResourceQuotas of a name, by namespace."""
    found = [each for each in recording.kubernetes() if each.type.endswith(":ResourceQuota")]
    return in_order({place(each): spec(each) for each in found if each.inputs["metadata"]["name"] == name})


def test_the_quota_of_every_namespace_is_that_of_the_settings(anna: Recording) -> None:
    given = {"platform": "ws26-platform", "cpu": 5, "memory": "8Gi", "pods": 60, "storage": "30Gi"}
    chosen = support.share(shared=given)
    nothing_that_costs = {"services.loadbalancers": "0", "services.nodeports": "0"}

    for recording, hard in (
        (anna, {"requests.cpu": "3", "requests.memory": "6Gi", "pods": "40", "requests.storage": "20Gi"}),
        (chosen, {"requests.cpu": "5", "requests.memory": "8Gi", "pods": "60", "requests.storage": "30Gi"}),
    ):
        found = quotas_of(recording)
        assert list(found) == OWN
        for each in found.values():
            assert {**hard, **nothing_that_costs}.items() <= each["hard"].items()


@pytest.mark.parametrize(
    "counted",
    [
        *("requests.ephemeral-storage", "limits.ephemeral-storage", "limits.cpu", "limits.memory", "requests.storage"),
        *("persistentvolumeclaims", "configmaps", "secrets", "services", "count/pods", "count/serviceaccounts"),
        *("count/jobs.batch", "count/cronjobs.batch", "count/deployments.apps", "count/replicasets.apps"),
    ],
)
def test_what_costs_or_fills_is_counted(anna: Recording, counted: str) -> None:
    assert [name for name, each in quotas_of(anna).items() if each["hard"].get(counted, "0") == "0"] == []


def test_custom_objects_are_counted_once_all_others_are_there(anna: Recording) -> None:
    hard = {name: each["hard"] for name, each in quotas_of(anna, "student-objects").items()}
    others = [each for each in anna.kubernetes() if not each.name.startswith("objects-")]

    assert list(hard) == OWN
    for each in hard.values():
        assert {"count/rollouts.argoproj.io", "count/virtualservices.networking.istio.io"} < set(each)
        assert all(name.startswith("count/") and name.count(".") > 1 for name in each)
    for each in anna.kubernetes():
        if each.name.startswith("objects-"):
            assert [other.name for other in others if not after(anna, each, other)] == []


def test_no_pod_has_the_priority_of_the_system(anna: Recording) -> None:
    found = quotas_of(anna, "student-priorities")

    assert list(found) == OWN
    for each in found.values():
        (scope,) = each["scopeSelector"]["matchExpressions"]
        assert each["hard"] == {"pods": "0"}
        assert scope["values"] == ["system-node-critical", "system-cluster-critical"]


def test_a_container_that_says_nothing_has_requests_since_the_quota_asks_for_them(anna: Recording) -> None:
    for name, each in of(anna, "LimitRange").items():
        limits = {limit["type"]: limit for limit in spec(each)["limits"]}
        assert name in OWN
        container = limits["Container"]
        assert set(container["defaultRequest"]) == set(container["default"]) == {"cpu", "memory", "ephemeral-storage"}
    assert list(of(anna, "LimitRange")) == OWN


def test_no_container_pod_or_claim_is_larger_than_the_course_needs(anna: Recording) -> None:
    chosen = support.share(shared={"platform": "ws26-platform", "storage": "30Gi"})

    for recording, storage in ((anna, "20Gi"), (chosen, "30Gi")):
        for each in of(recording, "LimitRange").values():
            most = {limit["type"]: limit["max"] for limit in spec(each)["limits"]}
            assert most["Container"] == {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "4Gi"}
            assert most["Pod"] == {"cpu": "6", "memory": "6Gi", "ephemeral-storage": "8Gi"}
            assert most["PersistentVolumeClaim"] == {"storage": storage}
