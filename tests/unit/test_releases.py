"""Helm releases that a killed update has left: which go, and which are somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.adapters.cluster_api import ClusterApi
from lab.core.errors import LabError
from lab.platforms import ownership, releases
from tests.unit.pretended_api import NAMESPACES, PretendedApi, items, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "kim/istio-lab/dev"
MESH = f"{NAMESPACES}/istio-system"
SECRETS = f"{MESH}/secrets"


@pytest.fixture
def cluster() -> Iterator[PretendedApi]:
    with serving(PretendedApi({MESH: namespace(STACK)})) as api:
        yield api


def namespace(mark: str) -> dict[str, Any]:
    return {"metadata": {"name": "istio-system", "annotations": {ownership.MARK: mark}}}


def leave(cluster: PretendedApi, *statuses: str, manager: str = "pulumi-kubernetes") -> None:
    """Leave one revision of loki after the other, stored as Helm does."""
    found = [
        {
            "metadata": {
                "name": f"sh.helm.release.v1.loki.v{number}",
                "namespace": "istio-system",
                "labels": {"owner": "helm", "name": "loki", "status": status},
                "managedFields": [{"manager": manager, "time": "2026-11-28T09:00:00Z"}],
            }
        }
        for number, status in enumerate(statuses, start=1)
    ]
    cluster.answers[SECRETS] = items(*found)
    cluster.answers |= {f"{SECRETS}/{each['metadata']['name']}": each for each in found}


def left(cluster: PretendedApi) -> list[str]:
    """The revisions that are still there."""
    return [path.rpartition(".")[2] for path in cluster.answers if path.startswith(f"{SECRETS}/")]


def forget(cluster: PretendedApi) -> list[str]:
    with ClusterApi(cluster.kubeconfig()) as api:
        return releases.forget(api, "istio-system", "loki", STACK)


def unblock(cluster: PretendedApi) -> list[str]:
    with ClusterApi(cluster.kubeconfig()) as api:
        return releases.unblock(api, "istio-system", "loki")


def test_a_release_that_is_not_there_takes_one_question(cluster: PretendedApi) -> None:
    leave(cluster)

    assert forget(cluster) == []
    assert cluster.paths == [SECRETS]
    assert cluster.asked[0].query == "labelSelector=owner%3Dhelm%2Cname%3Dloki"


@pytest.mark.parametrize("statuses", [("pending-install",), ("deployed",), ("superseded", "uninstalling")])
def test_what_the_stack_left_goes_before_the_release_is_created(cluster: PretendedApi, statuses: list[str]) -> None:
    leave(cluster, *statuses)

    assert forget(cluster) == list(statuses)
    assert left(cluster) == []


@pytest.mark.parametrize(("manager", "who"), [("helm", "helm"), ("", "somebody else")])
def test_a_release_that_a_person_installed_is_named_and_stays(cluster: PretendedApi, manager: str, who: str) -> None:
    leave(cluster, "deployed", manager=manager)

    with pytest.raises(LabError, match=f"has a Helm release loki already, which {who} has installed") as refused:
        forget(cluster)

    assert refused.value.remedy == "if nobody needs it: helm uninstall loki --namespace istio-system"
    assert left(cluster) == ["v1"]


def test_a_release_in_a_namespace_of_another_stack_stays(cluster: PretendedApi) -> None:
    leave(cluster, "pending-install")
    cluster.answers[MESH] = namespace("lee/istio-lab/dev")

    with pytest.raises(LabError, match="the lab does not take it over"):
        forget(cluster)

    assert left(cluster) == ["v1"]


def test_a_pending_revision_goes_before_the_release_is_changed(cluster: PretendedApi) -> None:
    leave(cluster, "superseded", "deployed", "pending-upgrade")

    assert unblock(cluster) == ["pending-upgrade"]
    assert left(cluster) == ["v1", "v2"]


@pytest.mark.parametrize("statuses", [("deployed",), ("superseded", "failed"), ("pending-install",)])
def test_no_other_revision_goes_and_never_the_only_one(cluster: PretendedApi, statuses: list[str]) -> None:
    leave(cluster, *statuses)

    assert unblock(cluster) == []
    assert len(left(cluster)) == len(statuses)
