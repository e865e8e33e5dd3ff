"""What the API server refuses in students' namespaces: which policies there are, where, and for what.

What each of them lets through is tried on a real API server, in tests/engine/test_student_attempts.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.students import policy, rights
from components.students.policies import mesh, objects, pods
from components.students.policies.policy import spec
from lab.settings.students import STUDENT_LABEL
from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from components.students.policies.policy import Policy
    from tests.unit.recorder import Recorded, Recording

HUB = "example.test/mesh"
SHARED = policy.policies(policy.StudentPoliciesArgs(hub=HUB))
ALONE = policy.policies(policy.StudentPoliciesArgs(hub=HUB, namespaces=["default"]))
LOGICAL = {policy.named("confinement", each): each for each in SHARED}


@pytest.fixture(scope="module")
def shared() -> Recording:
    """The cluster that a class shares."""
    return support.main(stack="ws26-platform", student={"classroom": "ws26"})


@pytest.fixture(scope="module")
def alone() -> Recording:
    """The cluster of one student."""
    return support.main(stack="student-anna", student={"id": "anna", "classroom": "ws26"})


def made(recording: Recording, kind: str) -> dict[str, Recorded]:
    return {each.name: each for each in recording.resources if each.type.endswith(f":{kind}")}


@pytest.mark.parametrize("each", SHARED, ids=lambda each: each.key)
def test_every_object_is_checked_when_it_is_made_and_changed_and_refused_when_it_cannot_be(each: Policy) -> None:
    written = spec(each)

    assert written["failurePolicy"] == "Fail"
    for rule in written["matchConstraints"]["resourceRules"]:
        assert rule["apiVersions"] == ["*"], "an older version of the API is no way around"
        assert rule["operations"] == ["CREATE", "UPDATE"]


@pytest.mark.parametrize("each", SHARED, ids=lambda each: each.key)
def test_every_rule_says_why(each: Policy) -> None:
    validations = spec(each)["validations"]

    assert validations != []
    for rule in validations:
        assert set(rule) == {"expression", "message"}
        assert len(rule["message"].split()) > 4


def test_everything_that_a_student_can_make_is_checked() -> None:
    checked = {(each.group, name) for each in objects.policy().resources for name in each.names}
    written = {
        (right.group, name)
        for right in rights.RIGHTS
        if "create" in right.verbs
        for name in right.resources
        if "/" not in name
    }

    assert checked == written


def test_whatever_makes_pods_is_checked_as_they_are() -> None:
    checked = {name for each in pods.policy("any").resources for name in each.names}

    assert checked >= {"pods", "pods/ephemeralcontainers", "deployments", "replicasets", "statefulsets"}
    assert checked >= {"jobs", "cronjobs", "rollouts", "experiments"}


def test_every_kind_of_the_mesh_that_a_student_can_make_is_checked() -> None:
    checked = {name for each in mesh.policy().resources for name in each.names}
    written = {
        name
        for right in rights.RIGHTS
        if right.group.endswith("istio.io") and "create" in right.verbs
        for name in right.resources
    }

    # It selects the namespace's own Pods, and names nothing else.
    assert written - checked == {"peerauthentications"}


def test_only_the_mesh_of_the_lab_gives_capabilities() -> None:
    (rule,) = [text for message, text in pods.policy(f"{HUB}/proxyv2").rules.items() if "Istio's init" in message]

    assert f"container.image.startsWith('{HUB}/proxyv2:')" in rule


def test_the_policies_are_made_as_they_are_described(shared: Recording) -> None:
    found = made(shared, "ValidatingAdmissionPolicy")

    assert set(found) == set(LOGICAL)
    for name, each in found.items():
        assert each.inputs["metadata"]["name"] == policy.named(policy.NAME, LOGICAL[name])
        assert [rule["message"] for rule in each.inputs["spec"]["validations"]] == list(LOGICAL[name].rules)


def test_they_are_bound_to_the_namespaces_with_the_label_of_a_student(shared: Recording) -> None:
    bindings = made(shared, "ValidatingAdmissionPolicyBinding")

    for name, each in made(shared, "ValidatingAdmissionPolicy").items():
        assert bindings[name].inputs["spec"] == {
            "policyName": each.inputs["metadata"]["name"],
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchExpressions": [{"key": STUDENT_LABEL, "operator": "Exists"}]}
            },
        }
        assert after(shared, bindings[name], each)


def test_a_students_namespaces_have_the_label_and_the_platforms_have_not(anna: Recording, shared: Recording) -> None:
    hers = [each.inputs["metadata"].get("labels", {}) for each in anna.kubernetes() if each.type.endswith(":Namespace")]
    others = [
        each.inputs["metadata"].get("labels", {}) for each in shared.kubernetes() if each.type.endswith(":Namespace")
    ]

    assert [STUDENT_LABEL in labels for labels in hers] == [True] * 3
    assert others != []
    assert not any(STUDENT_LABEL in labels for labels in others)


def test_a_student_alone_on_a_cluster_is_kept_from_the_machine_beside_it(alone: Recording) -> None:
    """The controller of Argo Rollouts may run there, and the handout's token has to end."""
    names = [policy.named("confinement", each) for each in ALONE]

    assert names == ["confinement-analysis", "confinement-identities"]
    assert set(made(alone, "ValidatingAdmissionPolicy")) == set(names)
    for each in made(alone, "ValidatingAdmissionPolicyBinding").values():
        assert each.inputs["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"] == [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["default", "tutorial", "shop"]}
        ]


def test_where_no_student_works_and_in_a_students_share_there_are_none(dev: Recording, anna: Recording) -> None:
    assert [made(each, "ValidatingAdmissionPolicy") for each in (dev, anna)] == [{}, {}]
