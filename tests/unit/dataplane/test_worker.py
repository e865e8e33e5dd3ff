"""Whatever goes wrong with one Pod is said in its status, tried again, and stays with it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lab.core.errors import LabError
from lab.platforms.dataplane import agent as agents
from lab.platforms.dataplane import confinement, pods, sandbox, watch, worker, workloads
from lab.platforms.dataplane.confinement import Confinement
from lab.platforms.dataplane.sandbox import Sandbox
from lab.platforms.dataplane.worker import Node, Worker
from lab.toolchain.applications import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from lab.platforms.dataplane.pods import Pod

PATIENCE = 10.0


@dataclass
class Cluster:
    """An API server that knows some ConfigMaps, and what it was told of each Pod: the last of it, and all of it."""

    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    said: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    broken: bool = False

    async def config_map(self, _namespace: str, name: str) -> dict[str, str] | None:
        return self.maps.get(name)

    secret = config_map

    async def set_status(self, pod: Pod, status: Mapping[str, Any]) -> None:
        if self.broken:
            raise RuntimeError("no answer that anybody has thought of")
        self.said[pod.name].append(dict(status))

    def waits(self, name: str) -> str:
        """Why the container of a Pod waits, with the message."""
        for each in reversed(self.said[name]):
            for container in each.get("containerStatuses", []):
                waiting = container["state"].get("waiting", {})
                return f"{waiting.get('reason', '')}: {waiting.get('message', '')}" if waiting else ""
        return ""

    def ready(self, name: str) -> bool:
        return bool(self.said[name]) and self.said[name][-1]["conditions"][0]["status"] == "True"


def manifest(name: str, **container: object) -> dict[str, Any]:
    return {
        "metadata": {"uid": name, "name": name, "namespace": "shop", "labels": {"app": "delivery"}},
        "spec": {"containers": [{"name": "app", **container}]},
        "status": {
            "podIP": f"10.0.0.{len(name)}",
            "phase": "Running",
            "containerStatuses": [{"name": "app", "restartCount": 0, "state": {"running": {}}}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Sandboxes that are folders only, and an application that ends as soon as it was started, or listens."""
    monkeypatch.setattr(sandbox, "FOLDER", tmp_path / "pods")
    monkeypatch.setattr(sandbox, "_HOSTS", tmp_path / "hosts")
    monkeypatch.setattr(Sandbox, "create", lambda box: box.temporary.mkdir(parents=True))
    monkeypatch.setattr(Sandbox, "remove", lambda _box: None)
    monkeypatch.setattr(Confinement, "command", lambda *_: [])
    monkeypatch.setattr(confinement, "_PATH", "/usr/bin:/bin")
    monkeypatch.setattr(worker, "_RETRY", 0.05)
    return Cluster()


def node(cluster: Cluster, tmp_path: Path, command: str = "exec sleep 60") -> Node:
    class App(Runtime):
        def command(self, _app: str) -> list[str]:
            return ["sh", "-c", command]

    return Node(
        api=cluster,  # type: ignore[arg-type]
        discovery=None,  # type: ignore[arg-type]  # no Envoy runs here
        runtime=App(packages=tmp_path, sources=tmp_path),
        confinement=Confinement(user=(), limits=(), root=None),
        logs=tmp_path,
        first=asyncio.Semaphore(1),
        again=asyncio.Semaphore(1),
        route=lambda _box: None,
    )


def made(node: Node, name: str, **container: object) -> Worker:
    pod = pods.running(manifest(name, **container))
    assert pod is not None
    workload = workloads.Workload(namespaces=("shop",), labels={}, app="delivery")
    found = Worker(pod, workload, Sandbox(name=f"{name}.shop", index=1, address=pod.address), node)
    found.go.set()
    return found


@asynccontextmanager
async def running(each: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(each.run())
    try:
        yield
        assert not task.done(), "it goes on whatever happens"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not what():  # noqa: ASYNC110 - nothing tells of a file, or of what somebody else is told
            await asyncio.sleep(0.02)


def test_a_pod_without_its_config_map_says_so_and_starts_when_it_comes(cluster: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        each = made(node(cluster, tmp_path), "a", envFrom=[{"configMapRef": {"name": "late"}}])
        async with running(each):
            await until(lambda: cluster.waits("a"))
            assert cluster.waits("a") == 'CreateContainerConfigError: configmap "late" not found'
            assert not cluster.ready("a")
            cluster.maps["late"] = {"LD_PRELOAD": "evil", "APP_VERSION": "v2"}
            await until(lambda: cluster.ready("a"))
            assert cluster.waits("a") == ""
            assert "ignored" in (tmp_path / "a.shop-delivery.log").read_text()
        assert not (tmp_path / "a.shop-delivery.log").exists(), "its log goes with it"

    asyncio.run(run())


def test_a_container_that_ends_at_once_is_in_a_loop_and_the_next_pod_starts_meanwhile(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.platforms.dataplane.backoff.BackOff.ended", _soon)

    def waiting() -> list[dict[str, Any]]:
        """Return the statuses of its wait after three restarts; its last one may be of a start."""
        said = [each["containerStatuses"][0] for each in cluster.said["loop"]]
        return [each for each in said if "waiting" in each["state"] and each["restartCount"] >= 3]

    async def run() -> None:
        broken, good = node(cluster, tmp_path, "exit 2"), node(cluster, tmp_path)
        async with running(made(broken, "loop")):
            await until(lambda: cluster.waits("loop").startswith("CrashLoopBackOff: back-off"))
            async with running(made(good, "good")):
                await until((tmp_path / "good.shop-delivery.log").exists)
                await until(lambda: bool(waiting()))
        last = waiting()[-1]
        assert last["lastState"]["terminated"]["exitCode"] == 2
        assert "container=app pod=loop_shop(loop)" in last["state"]["waiting"]["message"]

    asyncio.run(run())


def _soon(self: Any) -> float:  # noqa: ANN401 - what stands for a method
    self.restarts += 1
    self.failures += 1
    return 0.01


@pytest.mark.parametrize("error", [LabError("no space"), OSError(36, "File name too long"), KeyError("evil")])
def test_a_sandbox_that_cannot_be_made_is_tried_again(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_box: Sandbox) -> None:
        raise error

    create = Sandbox.create
    monkeypatch.setattr(Sandbox, "create", fails)

    async def run() -> None:
        async with running(made(node(cluster, tmp_path), "a")):
            await until(lambda: cluster.waits("a"))
            assert cluster.waits("a").startswith("CreateContainerError: ")
            monkeypatch.setattr(Sandbox, "create", create)
            await until((tmp_path / "a.shop-delivery.log").exists)

    asyncio.run(run())


def test_a_status_that_cannot_be_set_ends_nothing(cluster: Cluster, tmp_path: Path) -> None:
    cluster.broken = True

    async def run() -> None:
        each = made(node(cluster, tmp_path), "a", envFrom=[{"configMapRef": {"name": "late"}}])
        async with running(each):
            await asyncio.sleep(0.3)
            cluster.maps["late"] = {}
            await until((tmp_path / "a.shop-delivery.log").exists)

    asyncio.run(run())


def test_an_agent_goes_on_after_pods_that_nobody_can_understand(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[dict[str, Any]] = [
        {"metadata": {"uid": "1", "name": "1"}, "spec": None, "status": {"podIP": "10.0.0.1", "phase": "Running"}},
        {"metadata": {"uid": "2", "name": "2"}, "status": {"podIP": "10.0.0.2", "phase": "Running"}},
        {**manifest("no-address"), "status": {"podIP": "fd00::1", "phase": "Running"}},
        manifest("no-map", envFrom=[{"configMapRef": {"name": "none"}}]),
        manifest("x" * 253),
    ]

    async def changes(_kubeconfig: Path, _path: str) -> AsyncIterator[list[watch.Change]]:
        yield [("ADDED", each) for each in broken]
        yield [("ADDED", manifest("good"))]
        await asyncio.sleep(PATIENCE)

    monkeypatch.setattr(watch, "changes", changes)
    monkeypatch.setattr(agents.api, "client", lambda _kubeconfig: None)
    options = agents.Options(
        kubeconfig=tmp_path / "kubeconfig",
        istiod_xds=0,
        ingress_http=0,
        logs=tmp_path,
        prometheus=0,
        runtime=Runtime(packages=tmp_path, sources=tmp_path),
    )

    async def run() -> None:
        agent = agents.Agent(options)
        task = asyncio.create_task(agent._follow_pods(node(cluster, tmp_path)))  # noqa: SLF001 - what must live on
        try:
            await until((tmp_path / "good.shop-delivery.log").exists)
            await until(lambda: cluster.waits("no-map"))
            assert not task.done()
        finally:
            for each in agent._running.values():  # noqa: SLF001
                each.task.cancel()
            task.cancel()
            await asyncio.gather(task, *(each.task for each in agent._running.values()), return_exceptions=True)  # noqa: SLF001

    asyncio.run(run())
