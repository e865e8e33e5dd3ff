"""What the checks on strategies look at: read from the cluster, and asked by a Pod that is a shell of this machine."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from lab.adapters import kubectl
from lab.adapters.stack import Stack
from lab.core.errors import LabError
from lab.services import pod_exec
from lab.services.grading import background_requests, rollout_inspector
from lab.services.grading.rollout_inspector import RolloutInspector
from tests.unit.pretended_kubectl import PretendedKubectl
from tests.unit.rollouts import made

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://delivery:8080/"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedKubectl:
    found = PretendedKubectl(tmp_path / "kubectl")
    (tmp_path / "kubeconfig").touch()
    monkeypatch.setattr(Stack, "directory", tmp_path)
    monkeypatch.setattr("lab.adapters.kubectl.program", lambda: found.file)
    return found


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Pod whose curl writes what the file `says` says, and notes that it was called."""
    folder = tmp_path / "pod"
    folder.mkdir()
    program = folder / "curl"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{folder}/calls'\nsleep 0.1\ncat '{folder}/says'\n")
    program.chmod(0o755)
    (folder / "says").write_text("200\n")
    asked: list[str] = []

    def inside(_stack: Stack, name: str) -> pod_exec.Prefix:
        asked.append(name)
        assert set(asked) == {"siege.shop"}
        return pod_exec.Prefix(["env", f"PATH={folder}:/usr/bin:/bin"])

    monkeypatch.setattr(pod_exec, "prefix", inside)
    return folder


def calls(pod: Path) -> list[str]:
    return (pod / "calls").read_text().splitlines()


def found() -> RolloutInspector:
    return RolloutInspector(stack=Stack("dev"))


def test_versions_are_what_the_answers_say_and_errors_count_as_themselves(pod: Path) -> None:
    good = json.dumps({"app": "delivery", "version": "v2"})
    mark = "~~"
    told = f"{good}{mark}200 0.01{mark}" * 2 + f'{{"version": "v1"}}{mark}503 0.01{mark}{mark}0 0{mark}'
    (pod / "says").write_text(told)

    assert found().versions(4) == {"v2": 2, "status 503": 1, "status 0": 1}
    assert calls(pod)[0].endswith("http://delivery:8080/?[1-4]")


def test_a_rollout_that_is_not_there_is_none_and_no_error(cluster: PretendedKubectl) -> None:
    cluster.answers("-n shop get", {"items": [made.rollout(), *made.sets()]})
    cluster.answers("-n default get", {"items": []})

    delivery = found().rollout("delivery")
    assert delivery is not None
    assert delivery.newest is not None
    assert found().rollout("example-rollout") is None


def test_the_strategy_is_that_of_the_deployment_and_nothing_without_one(cluster: PretendedKubectl) -> None:
    other = {"metadata": {"name": "order"}, "spec": {"strategy": {"type": "RollingUpdate"}}}
    own = {"metadata": {"name": "delivery"}, "spec": {"strategy": {"type": "Recreate"}}}
    cluster.answers("-n shop get deployments.apps", {"items": [other, own]})
    assert found().strategy() == "Recreate"

    cluster.answers("-n shop get deployments.apps", {"items": [other]})
    assert found().strategy() == ""


def test_the_weights_are_those_of_the_route_that_the_controller_changes(cluster: PretendedKubectl) -> None:
    shares = {"stable": 80, "canary": 20}
    route = [{"destination": {"host": "delivery", "subset": name}, "weight": weight} for name, weight in shares.items()]
    http = [{"name": "other", "route": [{"destination": {"host": "delivery"}}]}, {"name": "primary", "route": route}]
    service = {"metadata": {"name": "delivery"}, "spec": {"http": http}}
    cluster.answers("-n shop get virtualservices.networking.istio.io", {"items": [service]})
    assert found().weights() == shares

    cluster.answers("-n shop get virtualservices.networking.istio.io", {"items": []})
    assert found().weights() == {}


def test_a_service_leads_where_its_selector_says(cluster: PretendedKubectl) -> None:
    chosen = {"app": "nginx", "rollouts-pod-template-hash": "7d9f"}
    services = [
        {"metadata": {"name": "nginx-active"}, "spec": {"selector": chosen}},
        {"metadata": {"name": "kubernetes"}, "spec": {}},
    ]
    cluster.answers("-n default get services", {"items": services})

    assert found().selected("default", "nginx-active") == "7d9f"
    assert found().selected("default", "kubernetes") == ""
    assert found().selected("default", "nginx-preview") == ""


def test_requests_flow_as_long_as_the_block_and_each_of_them_is_counted(pod: Path) -> None:
    with background_requests.running(Stack("dev"), "siege.shop", URL) as stream:
        time.sleep(0.5)
        (pod / "says").write_text("503\n")
        time.sleep(0.5)
        (pod / "says").write_text("000\n")
        time.sleep(0.5)
    asked = len(calls(pod))
    time.sleep(0.2)

    assert 10 <= asked == len(stream.statuses) == len(calls(pod))
    assert set(stream.statuses) == {200, 503, 0}
    assert 0 < stream.lost == sum(status != 200 for status in stream.statuses)
    assert all(call.endswith(URL) for call in calls(pod))


def test_requests_end_by_themselves_at_the_bound(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_requests, "MOST", 5)
    with background_requests.running(Stack("dev"), "siege.shop", URL) as stream:
        time.sleep(1.5)

    assert len(stream.statuses) == len(calls(pod)) == 5


def test_requests_do_not_wait_for_each_other(pod: Path) -> None:
    program = pod / "curl"
    program.write_text(program.read_text().replace("sleep 0.1", "sleep 1"))
    with background_requests.running(Stack("dev"), "siege.shop", URL) as stream:
        time.sleep(1)

    assert len(stream.statuses) >= 5


def test_the_shell_ends_after_the_last_answer(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way into a Pod of a cluster is cut as soon as the shell ends, and with it what comes later."""
    inside = ["sh", "-c", '"$@"; echo 100', "sh", "env", f"PATH={pod}:/usr/bin:/bin"]
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix(inside))
    with background_requests.running(Stack("dev"), "siege.shop", URL) as stream:
        time.sleep(0.3)

    assert stream.statuses.index(100) == len(stream.statuses) - 1 > 0


def test_requests_end_when_the_block_fails(pod: Path) -> None:
    def fail() -> None:
        time.sleep(0.3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), background_requests.running(Stack("dev"), "siege.shop", URL):
        fail()
    time.sleep(0.3)
    asked = len(calls(pod))
    time.sleep(0.3)

    assert len(calls(pod)) == asked > 0


def test_a_pod_that_cannot_ask_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_exec, "prefix", lambda *_: pod_exec.Prefix(["sh", "-c", "echo no such Pod >&2; exit 1"]))
    with pytest.raises(LabError, match="no such Pod"), background_requests.running(Stack("dev"), "siege.shop", URL):
        pass


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_inspector, "_BEFORE", 0.3)
    monkeypatch.setattr(rollout_inspector, "_AFTERWARDS", 0.3)
    monkeypatch.setattr(rollout_inspector, "_REPLACEMENT_TIMEOUT", 1)


@pytest.mark.usefixtures("quick")
def test_all_pods_are_replaced_while_requests_flow(cluster: PretendedKubectl, pod: Path) -> None:
    cluster.answers("rollout restart", "deployment.apps/delivery restarted")
    cluster.answers("rollout status", "deployment successfully rolled out")
    (pod / "says").write_text("503\n")
    replacement = found().replace()

    assert (replacement.over, replacement.seen) == (True, True)
    assert 3 <= replacement.lost == replacement.requests == len(calls(pod))
    assert 0.6 <= replacement.seconds < 5
    assert [call[1:6] for call in cluster.calls] == [
        ["-n", "shop", "rollout", verb, "deployment/delivery"] for verb in ("restart", "status")
    ]


@pytest.mark.usefixtures("quick", "pod")
def test_a_replacement_that_takes_longer_is_waited_for_without_requests(
    cluster: PretendedKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_inspector, "WATCHED", 0.5)
    cluster.answers("rollout restart", "restarted")
    cluster.answers("rollout status", "error: timed out waiting for the condition", code=1)
    replacement = found().replace()
    assert (replacement.over, replacement.seen) == (False, False)

    looks: list[object] = []

    def run(*words: object, **_more: object) -> str:
        looks.extend(["a look"] if "status" in words else [])
        if len(looks) == 1:
            raise LabError("kubectl rollout status failed: error: timed out waiting for the condition")
        return "done"

    monkeypatch.setattr(kubectl, "run", run)
    replacement = found().replace()
    assert (replacement.over, replacement.seen) == (True, False)


@pytest.mark.usefixtures("quick", "pod")
def test_a_cluster_that_does_not_answer_is_an_error_not_a_slow_replacement(cluster: PretendedKubectl) -> None:
    cluster.answers("rollout restart", "restarted")
    cluster.answers("rollout status", "error: connection refused", code=1)

    with pytest.raises(LabError, match="connection refused"):
        found().replace()
