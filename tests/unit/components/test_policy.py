"""What keeps students' Pods inside their containers: a policy of the cluster that a class shares, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.students import policy
from lab.settings.students import STUDENT_LABEL
from tests.unit.components import support
from tests.unit.components.support import after

if TYPE_CHECKING:
    from tests.unit.recorder import Recording

KIND = ":Confinement"
RULES = {
    "the node's network, processes and memory are not a student's": ["hostNetwork", "hostPID", "hostIPC"],
    "the node's files are not a student's: no hostPath volumes": ["volumes", "hostPath"],
    "a student's containers are not privileged": ["containers", "initContainers", "privileged"],
    "a student's containers add no capabilities but NET_ADMIN and NET_RAW": [
        "containers",
        "initContainers",
        "capabilities.add.all(one, one in ['NET_ADMIN', 'NET_RAW'])",
    ],
    "a student's containers take no ports of the node": ["containers", "initContainers", "hostPort"],
}
"""What a student is told, and what is looked at for it."""


@pytest.fixture(scope="module")
def shared() -> Recording:
    """The cluster that a class shares."""
    return support.main(stack="ws26-platform", student={"classroom": "ws26"})


def test_every_rule_is_in_the_policy_with_what_a_student_is_told() -> None:
    found = {each["message"]: each["expression"] for each in policy.spec()["validations"]}

    assert list(found) == list(RULES)
    for message, parts in RULES.items():
        assert [part for part in parts if part not in found[message]] == [], message


def test_every_pod_is_looked_at_and_refused_when_it_cannot_be() -> None:
    spec = policy.spec()

    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConstraints"] == {
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
        ]
    }


def test_the_policy_is_made_as_it_is_described(shared: Recording) -> None:
    made = shared.one("confinement", ":ValidatingAdmissionPolicy").inputs

    assert made["metadata"]["name"] == policy.NAME
    assert made["spec"] == policy.spec()


def test_it_is_bound_to_the_namespaces_with_the_label_of_a_student(shared: Recording) -> None:
    policy = shared.one("confinement", ":ValidatingAdmissionPolicy")
    binding = shared.one("confinement", ":ValidatingAdmissionPolicyBinding")

    assert binding.inputs["spec"] == {
        "policyName": policy.inputs["metadata"]["name"],
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [{"key": STUDENT_LABEL, "operator": "Exists"}]}},
    }
    assert after(shared, binding, policy)


def test_a_students_namespaces_have_the_label_and_the_platforms_have_not(anna: Recording, shared: Recording) -> None:
    hers = [each.inputs["metadata"].get("labels", {}) for each in anna.kubernetes() if each.type.endswith(":Namespace")]
    others = [
        each.inputs["metadata"].get("labels", {}) for each in shared.kubernetes() if each.type.endswith(":Namespace")
    ]

    assert [STUDENT_LABEL in labels for labels in hers] == [True] * 3
    assert others != []
    assert not any(STUDENT_LABEL in labels for labels in others)


def test_it_is_of_the_cluster_that_a_class_shares_and_of_no_other(
    shared: Recording, dev: Recording, anna: Recording
) -> None:
    alone = support.main(stack="student-anna", student={"id": "anna", "classroom": "ws26"})

    def made(recording: Recording) -> bool:
        kinds = [each.type for each in recording.resources]
        assert any("ValidatingAdmissionPolicy" in kind for kind in kinds) is any(kind.endswith(KIND) for kind in kinds)
        return any(kind.endswith(KIND) for kind in kinds)

    assert made(shared)
    assert [made(each) for each in (dev, anna, alone)] == [False] * 3
