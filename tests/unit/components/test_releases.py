"""Every Helm release of every program: what a killed update left of it goes before it is made or changed."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.core.errors import LabError
from lab.platforms.ownership import MARK
from tests.unit.components import support
from tests.unit.pretended_api import NAMESPACES, PretendedApi, items, serving
from tests.unit.recorder import ORGANIZATION, PROJECT, STACK

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from tests.unit.recorder import Recording

MESH = f"{NAMESPACES}/istio-system"
SECRETS = f"{MESH}/secrets"
OWN = {"metadata": {"name": "istio-system", "annotations": {MARK: f"{ORGANIZATION}/{PROJECT}/{STACK}"}}}


def left(name: str, manager: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "istio-system",
            "labels": {"status": "pending-install"},
            "managedFields": [{"manager": manager}],
        }
    }


@pytest.fixture
def cluster() -> Iterator[PretendedApi]:
    with serving(PretendedApi({MESH: OWN, SECRETS: items()})) as api:
        yield api


@pytest.fixture
def program(cluster: PretendedApi, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """The dev program on that cluster."""
    monkeypatch.setattr(support, "KUBECONFIG", cluster.kubeconfig({"token": "t"}))
    return support.main()


def create(recording: Recording, name: str) -> None:
    """Call the hooks as the engine does before it creates a release: the SDK's own threads wait for its answer."""
    [each] = [each for each in recording.resources if each.name == name and each.type.endswith(":Release")]
    assert each.before_create
    for hook in each.before_create:
        called: Any = recording.hooks[hook](SimpleNamespace(new_inputs=each.inputs))  # type: ignore[arg-type]
        asyncio.run(_beside_waiting_threads(called))


async def _beside_waiting_threads(called: Coroutine[Any, Any, None]) -> None:
    answered = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(answered.wait)
        try:
            await asyncio.wait_for(called, timeout=60)
        finally:
            answered.set()


def test_every_release_is_looked_for_before_it_is_created(dev: Recording) -> None:
    found = {each.name: each.before_create for each in dev.resources if each.type.endswith(":Release")}

    assert {"istio-base", "istiod", "grafana", "argo-rollouts"} < set(found)
    assert set(found.values()) == {("leftover-release",)}


def test_a_half_made_release_whose_component_has_the_same_name_goes(program: Recording, cluster: PretendedApi) -> None:
    cluster.answers[SECRETS] = items(left("v1", "pulumi-kubernetes"))
    cluster.answers[f"{SECRETS}/v1"] = left("v1", "pulumi-kubernetes")

    create(program, "grafana")

    assert f"{SECRETS}/v1" not in cluster.answers


def test_a_release_that_a_person_installed_is_refused_in_one_line(program: Recording, cluster: PretendedApi) -> None:
    cluster.answers[SECRETS] = items(left("v1", "helm"))

    with pytest.raises(LabError) as refused:
        create(program, "loki")

    assert str(refused.value).startswith("the namespace istio-system has a Helm release loki already, which helm has")
    assert str(refused.value).endswith("helm uninstall loki --namespace istio-system")


def test_of_a_cluster_that_refuses_helm_itself_complains(program: Recording, cluster: PretendedApi) -> None:
    cluster.answers[SECRETS] = (403, {"message": "not yet"})

    create(program, "istiod")

    assert cluster.paths == [SECRETS]
