"""What follows from a class file for each stack."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from lab.services.classes import configuration
from lab.services.classes.roster import Roster, Tenancy
from lab.settings import Settings, Target
from tests.unit.classes.class_files import GROUP, INLINE, many, read

if TYPE_CHECKING:
    from pathlib import Path

WORDS = some.sampled_from(["class", "students", "id", "settings", "platform", "quota", "anna", "shop", "cluster"])


def test_settings_of_a_student_count_more_than_those_of_the_class(tmp_path: Path) -> None:
    found = read(tmp_path, INLINE.replace("    expires: 2026-12-24\n", ""))
    anna, bob = (configuration.of_student(found, each) for each in found.students)

    assert anna["shop"] == {"order": {"replicas": 3, "version": "v7"}}
    assert bob["shop"] == {"order": {"replicas": 3, "version": "v2"}}
    assert anna["traffic"] == bob["traffic"] == {"reviews": {"v2": 100}}


def test_settings_of_one_student_are_not_the_next_ones(tmp_path: Path) -> None:
    found = read(tmp_path, INLINE.replace("    expires: 2026-12-24\n", ""))
    before = copy.deepcopy(found.model_dump())
    for each in found.students:
        configuration.of_student(found, each)
    configuration.of_platform(found)

    assert found.model_dump() == before


@pytest.mark.parametrize("tenancy", list(Tenancy))
def test_the_whole_configuration_of_a_student_passes_the_settings(tmp_path: Path, tenancy: Tenancy) -> None:
    text = f"class: ws26\ntenancy: {tenancy}\nstudents: [{{id: anna, group: {GROUP}}}]\n"
    found = read(tmp_path, text + "quota: {cpu: 5, memory: 8Gi, pods: 60}\n")
    chosen = Settings.from_mapping(
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in _config(found).items()},
        source="Pulumi.student-anna.yaml",
    )

    assert (chosen.student.id, chosen.student.classroom, chosen.student.group) == ("anna", "ws26", GROUP)
    assert chosen.shares is found.shared
    if found.shared:
        shared = chosen.shared
        assert (shared.platform, shared.cpu, shared.memory, shared.pods) == ("ws26-platform", 5, "8Gi", 60)


def _config(found: Roster) -> dict[str, Any]:
    (student,) = found.students
    return configuration.of_student(found, student)


def test_the_configuration_of_a_share_has_its_quota_even_if_nobody_says_one(tmp_path: Path) -> None:
    found = read(tmp_path, "class: ws26\nstudents: [{id: anna}]\n")

    assert _config(found) == {
        "target": "shared",
        "shared": {"platform": "ws26-platform", "cpu": 3, "memory": "6Gi", "pods": 40},
        "student": {"id": "anna", "classroom": "ws26"},
    }


def test_a_class_that_ends_says_so_to_every_stack() -> None:
    found = Roster.model_validate(
        {"class": "ws26", "expires": "2026-12-24", "students": [{"id": "anna"}]}, by_alias=True
    )

    assert _config(found)["expires"] == configuration.of_platform(found)["expires"] == "2026-12-24"


def test_the_shared_cluster_has_the_mesh_and_the_tools_but_nothing_of_the_course() -> None:
    chosen = Settings.from_mapping(configuration.of_platform(many(3)), source="Pulumi.ws26-platform.yaml")

    assert chosen.target is Target.EMBEDDED
    assert not any((chosen.tutorial.bookinfo, chosen.tutorial.hello_nginx, chosen.tutorial.shop, chosen.shop.enabled))
    assert not chosen.rollouts.example.enabled
    assert chosen.rollouts.enabled
    assert chosen.observability.prometheus.enabled


@pytest.mark.parametrize(
    ("students", "nodes", "machines"), [(1, 3, 2), (3, 3, 3), (12, 5, 8), (100, 35, 52), (1000, 50, 100)]
)
def test_the_more_students_the_more_nodes(students: int, nodes: int, machines: int) -> None:
    simulated = configuration.of_platform(many(students))["nodes"]
    pool = configuration.of_platform(many(students, target="azure"))["azure"]["systemPool"]

    assert simulated == {"count": nodes, "zones": 3, "cpu": 16, "memory": "64Gi"}
    assert pool == {"count": machines, "maxCount": min(100, machines + 1)}


@pytest.mark.parametrize(
    ("platform", "key", "expected"),
    [
        ({"nodes": {"count": 7}}, "nodes", {"count": 7, "zones": 3}),
        ({"nodes": {"count": 2}}, "nodes", {"count": 2, "zones": 2}),
        ({"nodes": {"count": "1", "cpu": 32}}, "nodes", {"count": "1", "zones": 1, "cpu": 32}),
        ({"target": "azure", "azure": {"systemPool": {"count": 20}}}, "azure", {"count": 20, "maxCount": 21}),
        ({"target": "azure", "azure": {"systemPool": {"maxCount": 4}}}, "azure", {"count": 4, "maxCount": 4}),
        ({"target": "azure", "azure": {"systemPool": {"count": 1, "maxCount": 1}}}, "azure", {"count": 1}),
        ({"target": "azure", "azure": {"systemPool": {"vmSize": "Standard_D8s_v5"}}}, "azure", {"count": 8}),
    ],
)
def test_what_the_class_file_says_of_nodes_counts_more(
    platform: dict[str, Any], key: str, expected: dict[str, object]
) -> None:
    allowed = {"azure": {"allowedRanges": ["203.0.113.7/32"]}} if key == "azure" else {}
    chosen = configuration.of_platform(many(12, **configuration.merge(allowed, platform)))
    found = chosen[key].get("systemPool", chosen[key])

    assert found.items() >= expected.items()
    assert Settings.from_mapping(chosen, source="Pulumi.ws26-platform.yaml").target == platform.get(
        "target", "embedded"
    )


def test_a_cluster_that_exists_has_the_nodes_that_it_has() -> None:
    chosen = configuration.of_platform(many(12, target="kubeconfig", kubeconfig={"file": "k.yaml", "context": "c"}))

    assert not {"nodes", "azure"} & chosen.keys()


@hypothesis(max_examples=100, deadline=None, derandomize=True)
@given(
    under=some.dictionaries(WORDS, some.one_of(some.integers(), some.dictionaries(WORDS, some.integers()))),
    over=some.dictionaries(WORDS, some.one_of(some.integers(), some.dictionaries(WORDS, some.integers()))),
)
def test_laying_settings_over_others_keeps_what_nobody_replaces(under: dict[str, Any], over: dict[str, Any]) -> None:
    before = copy.deepcopy((under, over))
    merged = configuration.merge(under, over)

    assert (under, over) == before
    assert merged.keys() == under.keys() | over.keys()
    assert configuration.merge(merged, over) == merged
    assert configuration.merge(under, {}) == under
