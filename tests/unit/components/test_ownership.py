"""Every namespace of every program: marked as its stack's, and asked about before it is made."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.core.errors import LabError
from lab.platforms.ownership import MARK
from tests.unit.components import support
from tests.unit.pretended_api import NAMESPACES, PretendedApi, serving
from tests.unit.recorder import ORGANIZATION, PROJECT, STACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.recorder import Recorded, Recording

OWN = f"{ORGANIZATION}/{PROJECT}/{STACK}"


def namespaces(recording: Recording) -> dict[str, Recorded]:
    return {each.inputs["metadata"]["name"]: each for each in recording.resources if each.type.endswith(":Namespace")}


@pytest.fixture
def cluster() -> Iterator[PretendedApi]:
    with serving(PretendedApi()) as api:
        yield api


@pytest.fixture
def program(cluster: PretendedApi, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """The dev program on that cluster."""
    monkeypatch.setattr(support, "KUBECONFIG", cluster.kubeconfig({"token": "t"}))
    return support.main()


def create(recording: Recording, name: str) -> None:
    """Call the hooks as the engine does before it creates a namespace."""
    each = namespaces(recording)[name]
    for hook in each.before_create:
        called: Any = recording.hooks[hook](SimpleNamespace(new_inputs=each.inputs))  # type: ignore[arg-type]
        asyncio.run(called)


def test_every_namespace_of_the_lab_says_which_stack_has_made_it(dev: Recording) -> None:
    marks = {name: each.inputs["metadata"]["annotations"][MARK] for name, each in namespaces(dev).items()}

    assert marks == dict.fromkeys(("istio-system", "tutorial", "argo-rollouts", "shop"), OWN)


def test_every_namespace_of_a_student_says_which_stack_has_made_it(anna: Recording) -> None:
    marks = {name: each.inputs["metadata"]["annotations"][MARK] for name, each in namespaces(anna).items()}
    own = f"{ORGANIZATION}/{PROJECT}/student-anna"

    assert marks == dict.fromkeys(("anna-default", "anna-tutorial", "anna-shop"), own)


def test_every_namespace_and_every_other_object_is_asked_about_and_nothing_else_is(
    dev: Recording, anna: Recording
) -> None:
    for recording in (dev, anna):
        asked = {
            each.urn: each.before_create
            for each in recording.resources
            if each.before_create and not each.type.endswith(":Release")
        }
        objects = {each.urn for each in recording.kubernetes() if not each.read and not each.type.endswith(":Release")}
        own = {each.urn for each in namespaces(recording).values()}
        assert asked.keys() == objects
        assert {urn for urn, hooks in asked.items() if hooks == ("namespace",)} == own
        assert all(hooks == ("object",) for urn, hooks in asked.items() if urn not in own)


def test_a_namespace_that_is_not_there_is_made(program: Recording, cluster: PretendedApi) -> None:
    create(program, "shop")

    assert [(each.method, each.path) for each in cluster.asked] == [("GET", f"{NAMESPACES}/shop")]


def test_a_namespace_of_somebody_else_is_refused_in_one_line(program: Recording, cluster: PretendedApi) -> None:
    cluster.answers[f"{NAMESPACES}/shop"] = {"metadata": {"name": "shop"}}

    with pytest.raises(LabError) as refused:
        create(program, "shop")

    assert str(refused.value).startswith("the cluster has the namespace shop already")
    assert str(refused.value).endswith("istio-lab:shop.enabled false")
    assert "\n" not in str(refused.value)


def test_a_namespace_that_a_killed_run_has_left_is_taken_over(program: Recording, cluster: PretendedApi) -> None:
    made = namespaces(program)["shop"].inputs["metadata"]
    cluster.answers[f"{NAMESPACES}/shop"] = {"metadata": made}

    create(program, "shop")

    assert len(cluster.asked) == 1


def test_a_student_gets_nobody_elses_namespace(cluster: PretendedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {**support.CLASSROOM, "kubeconfig": cluster.kubeconfig({"token": "t"})}
    monkeypatch.setattr(support, "CLASSROOM", outputs)
    cluster.answers[f"{NAMESPACES}/anna-shop"] = {"metadata": {"name": "anna-shop"}}

    with pytest.raises(LabError, match="the cluster has the namespace anna-shop already"):
        create(support.share(), "anna-shop")


ORDER = "/apis/apps/v1/namespaces/shop/deployments/order"


def with_deployments(cluster: PretendedApi, manager: str) -> None:
    """Let the cluster know Deployments, and one called `order`."""
    cluster.answers["/apis/apps/v1"] = {
        "resources": [
            {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
            {"name": "deployments", "kind": "Deployment", "namespaced": True},
        ]
    }
    metadata = {"name": "order", "namespace": "shop", "managedFields": [{"manager": manager}]}
    cluster.answers[ORDER] = {"kind": "Deployment", "metadata": metadata}


def create_order(recording: Recording) -> None:
    """Call the hooks as the engine does before it creates the Deployment `order`."""
    each = recording.one("shop-order", ":Deployment")
    for hook in each.before_create:
        inputs = {"apiVersion": "apps/v1", "kind": "Deployment", **each.inputs}
        called: Any = recording.hooks[hook](SimpleNamespace(new_inputs=inputs))  # type: ignore[arg-type]
        asyncio.run(called)


def test_an_object_of_somebody_else_is_refused_with_what_to_do_in_one_line(
    program: Recording, cluster: PretendedApi
) -> None:
    with_deployments(cluster, "kubectl-create")

    with pytest.raises(LabError) as refused:
        create_order(program)

    assert str(refused.value).startswith("the cluster has the Deployment shop/order already, which kubectl-create has")
    assert "kubectl delete deployment order -n shop" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_object_that_a_killed_run_has_left_is_taken_over(program: Recording, cluster: PretendedApi) -> None:
    with_deployments(cluster, "pulumi-kubernetes-1f2e3d4c")

    create_order(program)

    assert ORDER in cluster.paths


def test_nothing_is_asked_about_in_a_namespace_that_this_run_makes(program: Recording, cluster: PretendedApi) -> None:
    with_deployments(cluster, "kubectl-create")

    create(program, "shop")
    create_order(program)

    assert cluster.paths == [f"{NAMESPACES}/shop"]


def test_a_kind_that_the_cluster_does_not_know_yet_has_no_objects(program: Recording, cluster: PretendedApi) -> None:
    create_order(program)

    assert cluster.paths == ["/apis/apps/v1"]
