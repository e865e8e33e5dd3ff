"""Namespaces that a stack may make, and those that are somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.core.errors import LabError
from lab.platforms import ownership
from tests.unit.pretended_api import NAMESPACES, PretendedApi, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "kim/istio-lab/dev"
OTHER = "lee/istio-lab/dev"


def namespace(name: str, *, mark: str = "", **metadata: object) -> dict[str, Any]:
    annotations = {"annotations": {ownership.MARK: mark}} if mark else {}
    return {"metadata": {"name": name, **annotations, **metadata}}


def refusal(found: dict[str, Any]) -> LabError:
    with pytest.raises(LabError) as refused:
        ownership.require_own(found, STACK)
    assert "\n" not in refused.value.message
    return refused.value


def test_a_namespace_that_the_stack_has_marked_is_its_own() -> None:
    ownership.require_own(namespace("shop", mark=STACK), STACK)


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({"mark": OTHER}, f"the stack {OTHER} has made"),
        ({"annotations": None}, "somebody else has made"),
        ({"annotations": {"team": "a"}, "labels": None}, "somebody else has made"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm has made"),
        (
            {
                "creationTimestamp": "2026-11-28T09:00:00Z",
                "managedFields": [
                    {"manager": "kube-controller-manager", "time": "2026-11-28T09:01:00Z"},
                    {"manager": "kubectl-create", "time": "2026-11-28T09:00:00Z"},
                ],
            },
            "kubectl-create has made on 2026-11-28",
        ),
    ],
)
def test_another_namespace_is_refused_with_who_has_made_it(metadata: dict[str, Any], who: str) -> None:
    message = refusal(namespace("shop", **metadata)).message

    assert message.startswith(f"the cluster has the namespace shop already, which {who}; ")
    assert message.endswith("the lab would take it over and later delete it")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("shop", "or leave it out: pulumi config set --path istio-lab:shop.enabled false"),
        ("argo-rollouts", "or leave it out: pulumi config set --path istio-lab:rollouts.enabled false"),
        ("istio-system", "or take another cluster"),
        ("tutorial", "or take another cluster"),
        ("anna-shop", "or take another id for the student: pulumi config set --path istio-lab:student.id ID"),
    ],
)
def test_the_remedy_is_to_delete_it_or_to_do_without(name: str, remedy: str) -> None:
    said = refusal(namespace(name)).remedy

    assert said == f"if nobody needs what is in it, delete it: kubectl delete namespace {name}; {remedy}"


@pytest.mark.parametrize("mark", [STACK, OTHER, ""])
def test_a_namespace_that_is_being_deleted_is_waited_for_by_nobody(mark: str) -> None:
    error = refusal(namespace("shop", mark=mark, deletionTimestamp="2026-11-28T09:00:00Z"))

    assert error.message == "the namespace shop is still being deleted"


@pytest.fixture
def cluster() -> Iterator[PretendedApi]:
    found = {f"{NAMESPACES}/tutorial": namespace("tutorial", mark=STACK), f"{NAMESPACES}/shop": namespace("shop")}
    with serving(PretendedApi(found)) as api:
        yield api


def check(cluster: PretendedApi, *namespaces: str, former: dict[str, Any] | None = None) -> list[str]:
    """What the dynamic provider finds wrong."""
    from components.platform.kubeconfig_provider import ExistingClusterProvider

    news = {"kubeconfig": cluster.kubeconfig(), "cluster": "uid", "namespaces": list(namespaces), "stack": STACK}
    return [each.reason for each in ExistingClusterProvider().check(former or {}, news).failures]


def test_an_existing_cluster_is_refused_before_anything_is_made_in_it(cluster: PretendedApi) -> None:
    (reason,) = check(cluster, "istio-system", "tutorial", "shop")

    assert "the cluster has the namespace shop already" in reason
    assert "\n" not in reason
    assert {each.method for each in cluster.asked} == {"GET"}


def test_an_existing_cluster_with_nothing_of_anybody_else_is_taken(cluster: PretendedApi) -> None:
    assert check(cluster, "istio-system", "tutorial") == []


def test_a_namespace_that_comes_later_is_asked_about_and_the_others_are_not(cluster: PretendedApi) -> None:
    former = {"cluster": "uid", "namespaces": ["istio-system", "tutorial"]}

    (reason,) = check(cluster, "istio-system", "tutorial", "shop", former=former)

    assert "namespace shop" in reason
    assert cluster.paths == [f"{NAMESPACES}/shop"]


def test_a_standing_lab_asks_nothing(cluster: PretendedApi) -> None:
    former = {"cluster": "uid", "namespaces": ["shop"]}

    assert check(cluster, "shop", former=former) == []
    assert cluster.asked == []


def test_another_cluster_is_asked_about_everything(cluster: PretendedApi) -> None:
    assert check(cluster, "shop", former={"cluster": "another", "namespaces": ["shop"]}) != []


def test_a_cluster_that_does_not_answer_is_a_reason_in_one_line(cluster: PretendedApi) -> None:
    cluster.answers[f"{NAMESPACES}/shop"] = (401, {"message": "Unauthorized"})

    (reason,) = check(cluster, "shop")

    assert "refuses the credentials of the kubeconfig" in reason
    assert "\n" not in reason


@pytest.mark.parametrize("later", [["tutorial", "shop"], []])
def test_the_state_remembers_which_namespaces_the_lab_has(later: list[str]) -> None:
    from components.platform.kubeconfig_provider import ExistingClusterProvider

    olds = {"cluster": "uid", "kubeconfig": "k", "purge_crds": False, "directory": "d", "namespaces": ["tutorial"]}

    found = ExistingClusterProvider().diff("id", olds, {**olds, "namespaces": later})

    assert (found.changes, found.replaces) == (True, [])
