"""Names of Azure resources against Azure's own rules."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict

import pytest

from components.platform.naming import azure_names, role_assignment_name

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"

RULES = {
    "resource_group": r"[-\w.()]{0,89}[-\w()]",
    "node_resource_group": r"[-\w.()]{0,79}[-\w()]",
    "cluster": r"[A-Za-z0-9]([-\w]{0,61}[A-Za-z0-9])?",
    "dns_prefix": r"[A-Za-z0-9]([-A-Za-z0-9]{0,52}[A-Za-z0-9])?",
    "registry": r"[a-z0-9]{5,50}",
    "control_plane_identity": r"[A-Za-z0-9][-\w]{2,127}",
    "kubelet_identity": r"[A-Za-z0-9][-\w]{2,127}",
    "budget": r"[-\w]{1,63}",
}
"""Azure's naming rules for each kind, as regular expressions over ASCII."""

STACKS = (
    "dev",
    "a",
    "2026",
    "Class-Of-2026_Group.7",
    "student-07",
    "-begins-and-ends-",
    "under_score.and.period",
    "_",
    "...",
    "n" * 100,
    "very-long-" * 10,
    "이스티오",
)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("kind", RULES)
def test_every_name_is_one_that_azure_takes(kind: str, stack: str) -> None:
    assert re.fullmatch(RULES[kind], asdict(azure_names(stack, SUBSCRIPTION))[kind], re.ASCII)


def test_every_kind_has_its_rule_here() -> None:
    assert set(asdict(azure_names("dev", SUBSCRIPTION))) == set(RULES)


def test_names_stay_the_same_for_ever_since_a_changed_name_is_a_new_cluster() -> None:
    names = azure_names("dev", SUBSCRIPTION)
    assert (names.cluster, names.registry) == ("istio-lab-dev-wgu8wl", "istiolabdevwgu8wl")


def test_two_long_stacks_that_begin_alike_have_different_names() -> None:
    first, second = (asdict(azure_names("n" * 100 + end, SUBSCRIPTION)) for end in "ab")
    assert [kind for kind in first if first[kind] == second[kind]] == []


@pytest.mark.parametrize(("one", "other"), [("a-b", "a_b"), ("dev", "DEV"), ("a.b", "a-b")])
def test_stacks_that_are_written_alike_have_different_names(one: str, other: str) -> None:
    assert azure_names(one, SUBSCRIPTION).registry != azure_names(other, SUBSCRIPTION).registry


def test_the_same_stack_in_another_subscription_has_another_registry() -> None:
    elsewhere = SUBSCRIPTION.replace("1", "2")
    assert azure_names("dev", SUBSCRIPTION).registry != azure_names("dev", elsewhere).registry


def test_no_kind_has_two_resources_of_one_name() -> None:
    names = azure_names("n" * 200, SUBSCRIPTION)
    assert names.resource_group != names.node_resource_group
    assert names.control_plane_identity != names.kubelet_identity


def test_a_role_assignment_has_a_guid_that_depends_on_scope_principal_and_role() -> None:
    first = role_assignment_name("registry", "kubelet", "pull")
    assert uuid.UUID(first).version == 5
    assert first == role_assignment_name("registry", "kubelet", "pull")
    others = {
        role_assignment_name(*triple)
        for triple in (("r2", "kubelet", "pull"), ("registry", "k2", "pull"), ("registry", "kubelet", "push"))
    }
    assert len(others | {first}) == 4
