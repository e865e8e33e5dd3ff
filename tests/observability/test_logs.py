"""Lines that containers write, through the real collector: as it sends them, and as the real Loki answers them.

Where Loki cannot be had, the same is asked of a receiver that keeps what the collector sends.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.observability import containers, log_stores, programs
from tests.observability.containers import Container
from tests.observability.log_stores import Line, LogStore, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.laboratory import Laboratory

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PATIENCE = 10.0
"""Seconds; a line takes about two."""

_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Logs:
    """A node's collector, what it sends to, and the Pods whose lines it finds."""

    store: LogStore
    collector: Container
    pods: list[dict[str, Any]]
    clock: Iterator[int]

    def pod(self, app: str) -> dict[str, Any]:
        return next(pod for pod in self.pods if pod["metadata"]["labels"]["app"] == app)

    def write(self, app: str, *lines: str, container: str = "", stream: str = "stdout F") -> None:
        """Append lines as the kubelet has the container runtime write them."""
        pod = self.pod(app)
        named = container or pod["spec"]["containers"][0]["name"]
        self.write_as(pod["metadata"], named, *lines, stream=stream)

    def write_as(self, metadata: dict[str, Any], container: str, *lines: str, stream: str = "stdout F") -> None:
        folder = self.collector.root / "var/log/pods" / "_".join(metadata[key] for key in ("namespace", "name", "uid"))
        (folder / container).mkdir(parents=True, exist_ok=True)
        with (folder / container / "0.log").open("a") as log:
            for line in lines:
                moment = datetime.now(UTC) + next(self.clock) * _TICK
                log.write(f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z {stream} {line}\n")

    @contextmanager
    def collecting(self) -> Iterator[None]:
        with self.collector.run("otelcol", ready="13133/"):
            yield

    def found(
        self, text: str = "", *, expected: int = 1, metadata: dict[str, str] | None = None, **labels: str
    ) -> list[Line]:
        """Lines in the order of time, as soon as they are the expected number."""
        wanted = Wanted(labels=labels, metadata=metadata or {}, text=text)
        deadline = time.monotonic() + _PATIENCE
        while len(lines := self.store.find(wanted)) < expected and time.monotonic() < deadline:
            time.sleep(0.2)
        return lines


@pytest.fixture(scope="module", params=["receiver", "loki"])
def logs(
    request: pytest.FixtureRequest, standing: Laboratory, tmp_path_factory: pytest.TempPathFactory, _own_files: None
) -> Iterator[Logs]:
    if request.param == "loki":
        programs.require_loki("Loki taking the collector's lines and answering queries for them")
    folder, objects = tmp_path_factory.mktemp("logs"), containers.of_cluster(standing)
    pods = standing.get("pods", "-n", "tutorial")["items"]
    (node,) = {pod["spec"]["nodeName"] for pod in pods if pod["metadata"]["labels"]["app"] == "productpage"}
    on_node = [pod for pod in pods if pod["spec"]["nodeName"] == node]
    with _store(request.param, standing, objects, folder) as (address, store):
        collector = Container.of(
            objects, "DaemonSet/log-collector", "log-collector", root=folder / "collector", node=node
        ).in_cluster(standing, hosts={"loki.istio-system.svc": address})
        yield Logs(store, collector, on_node, count())


@contextmanager
def _store(
    kind: str, standing: Laboratory, objects: list[dict[str, Any]], folder: Path
) -> Iterator[tuple[str, LogStore]]:
    if kind == "receiver":
        address = programs.own_address()
        with log_stores.receiving(address) as receiver:
            yield address, receiver
        return
    loki = Container.of(objects, "StatefulSet/loki", "loki", root=folder / "loki").in_cluster(standing)
    # A Pod has its address to itself; here it has to be named.
    listen = (f"-server.{protocol}-listen-address={loki.address}" for protocol in ("http", "grpc"))
    with loki.run("loki", *listen, ready=f"{log_stores.PORT}/ready"):
        yield loki.address, log_stores.Loki(loki.address)


@pytest.fixture
def collecting(logs: Logs) -> Iterator[Logs]:
    with logs.collecting():
        yield logs


def test_lines_are_found_by_namespace_app_and_pod(collecting: Logs) -> None:
    name = collecting.pod("productpage")["metadata"]["name"]
    collecting.write("productpage", "one page, please")
    for labels in ({"namespace": "tutorial"}, {"namespace": "tutorial", "app": "productpage"}, {"pod": name}):
        (line,) = collecting.found("one page", **labels)
        assert line.text == "one page, please"
        assert line.labels == {"namespace": "tutorial", "app": "productpage", "pod": name, "container": "productpage"}


def test_a_sidecar_belongs_to_the_app_of_its_pod(collecting: Logs) -> None:
    collecting.write("productpage", '"GET /productpage HTTP/1.1" 200', container="istio-proxy")
    (line,) = collecting.found(app="productpage", container="istio-proxy")
    assert line.text == '"GET /productpage HTTP/1.1" 200'


def test_what_was_written_to_standard_error_says_so(collecting: Logs) -> None:
    collecting.write("productpage", "no such page", stream="stderr F")
    (line,) = collecting.found(app="productpage", metadata={"stream": "stderr"})
    assert line.text == "no such page"


def test_a_line_that_the_container_runtime_has_cut_is_whole_again(collecting: Logs) -> None:
    collecting.write("productpage", "a very ", stream="stdout P")
    collecting.write("productpage", "long ", stream="stdout P")
    collecting.write("productpage", "line")
    (line,) = collecting.found("a very", app="productpage")
    assert line.text == "a very long line"


def test_a_pod_that_the_cluster_does_not_know_goes_by_its_containers_name(collecting: Logs) -> None:
    gone = {"namespace": "tutorial", "name": "gone", "uid": "0b0e3b2c-0000-4000-8000-000000000000"}
    collecting.write_as(gone, "worker", "good-bye")
    (line,) = collecting.found(pod="gone")
    assert line.labels == {"namespace": "tutorial", "app": "worker", "pod": "gone", "container": "worker"}


def test_the_collector_leaves_out_its_own_log(collecting: Logs) -> None:
    own = {"namespace": "istio-system", "name": "log-collector-x7k2p", "uid": "0c0e3b2c-0000-4000-8000-000000000000"}
    collecting.write_as(own, "log-collector", "sent")
    collecting.write("productpage", "after it")
    assert collecting.found("after it", app="productpage")
    assert collecting.found(namespace="istio-system", expected=0) == []


@pytest.mark.parametrize(
    "text",
    [
        f'{{"level":"info","trace_id":"{TRACE}","message":"json"}}',
        f'{{"traceId": "{TRACE}", "message": "camel case"}}',
        f"level=info traceID={TRACE} logfmt",
        f"x-b3-traceid: {TRACE} a header of B3",
        f'{{"traceparent":"00-{TRACE}-00f067aa0ba902b7-01","message":"w3c"}}',
        f"INFO 1 --- [order] [main] [{TRACE}-00f067aa0ba902b7] spring",
        f"INFO [order,{TRACE},00f067aa0ba902b7] 1 --- spring before 3.2",
    ],
)
def test_a_line_that_names_its_trace_is_found_by_it(collecting: Logs, text: str) -> None:
    collecting.write("productpage", text)
    (line,) = collecting.found(text, app="productpage", metadata={"trace_id": TRACE})
    assert line.text == text


@pytest.mark.parametrize(
    "text",
    [
        "image sha256:4bf92f3577b34da6a3ce929d0e0e47364bf92f3577b34da6a3ce929d0e0e4736",
        f"user {TRACE} logged in",
        '{"trace_id":"","message":"none"}',
        '{"trace_id":"00000000000000000000000000000000","message":"not sampled"}',
    ],
)
def test_a_line_that_names_no_trace_has_none(collecting: Logs, text: str) -> None:
    collecting.write("productpage", text)
    (line,) = collecting.found(text, app="productpage")
    assert "trace_id" not in line.metadata


def test_a_restart_of_the_collector_neither_loses_nor_repeats_a_line(logs: Logs) -> None:
    before = logs.store.received()
    with logs.collecting():
        logs.write("productpage", *(f"restart {number}" for number in range(50)))
        assert logs.found("restart", app="productpage")
        logs.write("productpage", *(f"restart {number}" for number in range(50, 100)))
    logs.write("productpage", *(f"restart {number}" for number in range(100, 150)))
    with logs.collecting():
        logs.write("productpage", "restart 150")
        logs.found("restart 150", app="productpage")
        lines = logs.found("restart", app="productpage", expected=151)
    assert [line.text for line in lines] == [f"restart {number}" for number in range(151)]
    assert logs.store.received() - before == 151
