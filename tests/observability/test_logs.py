"""Lines that containers write, through the real collector into the real Loki, asked for as the course asks."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.observability import containers
from tests.observability.containers import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PATIENCE = 10.0
"""Seconds; a line takes about two."""

_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Line:
    """What Loki has of a line: its text, its stream's labels, and what else is known of it."""

    text: str
    labels: dict[str, str]
    metadata: dict[str, str]


@dataclass(frozen=True)
class Logs:
    """A node's collector, the Loki that it sends to, and the Pods whose lines it finds."""

    loki: Container
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

    def found(self, query: str, expected: int = 1) -> list[Line]:
        """What Loki answers, in the order of time, as soon as it is the expected number of lines."""
        deadline = time.monotonic() + _PATIENCE
        while len(lines := self._ask(query)) < expected and time.monotonic() < deadline:
            time.sleep(0.2)
        return lines

    def received(self) -> int:
        """How many lines Loki was sent; of two that are the same it keeps and answers only one."""
        with urllib.request.urlopen(f"http://{self.loki.address}:3100/metrics", timeout=10) as answer:
            metrics = answer.read().decode().splitlines()
        return sum(
            int(line.split()[-1]) for line in metrics if line.startswith("loki_distributor_lines_received_total")
        )

    def _ask(self, query: str) -> list[Line]:
        words = urllib.parse.urlencode({"query": query, "limit": 1000, "direction": "forward"})
        request = urllib.request.Request(
            f"http://{self.loki.address}:3100/loki/api/v1/query_range?{words}",
            headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the test's own Loki
            streams = json.load(answer)["data"]["result"]
        lines = [(at, text, stream["stream"], more) for stream in streams for at, text, more in stream["values"]]
        return [
            Line(text, labels, more.get("structuredMetadata", {})) for _, text, labels, more in sorted(lines, key=_time)
        ]


def _time(line: tuple[str, str, dict[str, str], dict[str, Any]]) -> int:
    return int(line[0])


@pytest.fixture(scope="module")
def logs(standing: Laboratory, tmp_path_factory: pytest.TempPathFactory, _own_files: None) -> Iterator[Logs]:
    folder, objects = tmp_path_factory.mktemp("logs"), containers.of_cluster(standing)
    pods = standing.get("pods", "-n", "tutorial")["items"]
    (node,) = {pod["spec"]["nodeName"] for pod in pods if pod["metadata"]["labels"]["app"] == "productpage"}
    loki = Container.of(objects, "StatefulSet/loki", "loki", root=folder / "loki").in_cluster(standing)
    collector = Container.of(
        objects, "DaemonSet/log-collector", "log-collector", root=folder / "collector", node=node
    ).in_cluster(standing, hosts={"loki.istio-system.svc": loki.address})
    on_node = [pod for pod in pods if pod["spec"]["nodeName"] == node]
    # A Pod has its address to itself; here it has to be named.
    listen = (f"-server.{protocol}-listen-address={loki.address}" for protocol in ("http", "grpc"))
    with loki.run("loki", *listen, ready="3100/ready"):
        yield Logs(loki, collector, on_node, count())


@pytest.fixture
def collecting(logs: Logs) -> Iterator[Logs]:
    with logs.collecting():
        yield logs


def test_lines_are_found_by_namespace_app_and_pod(collecting: Logs) -> None:
    name = collecting.pod("productpage")["metadata"]["name"]
    collecting.write("productpage", "one page, please")
    for query in (
        '{namespace="tutorial"} |= "one page"',
        '{namespace="tutorial", app="productpage"} |= "one page"',
        f'{{pod="{name}"}} |= "one page"',
    ):
        (line,) = collecting.found(query)
        assert line.text == "one page, please"
        assert line.labels == {"namespace": "tutorial", "app": "productpage", "pod": name, "container": "productpage"}


def test_a_sidecar_belongs_to_the_app_of_its_pod(collecting: Logs) -> None:
    collecting.write("productpage", '"GET /productpage HTTP/1.1" 200', container="istio-proxy")
    (line,) = collecting.found('{app="productpage", container="istio-proxy"}')
    assert line.text == '"GET /productpage HTTP/1.1" 200'


def test_what_was_written_to_standard_error_says_so(collecting: Logs) -> None:
    collecting.write("productpage", "no such page", stream="stderr F")
    (line,) = collecting.found('{app="productpage"} | stream="stderr"')
    assert line.text == "no such page"


def test_a_line_that_the_container_runtime_has_cut_is_whole_again(collecting: Logs) -> None:
    collecting.write("productpage", "a very ", stream="stdout P")
    collecting.write("productpage", "long ", stream="stdout P")
    collecting.write("productpage", "line")
    (line,) = collecting.found('{app="productpage"} |= "a very"')
    assert line.text == "a very long line"


def test_a_pod_that_the_cluster_does_not_know_goes_by_its_containers_name(collecting: Logs) -> None:
    gone = {"namespace": "tutorial", "name": "gone", "uid": "0b0e3b2c-0000-4000-8000-000000000000"}
    collecting.write_as(gone, "worker", "good-bye")
    (line,) = collecting.found('{pod="gone"}')
    assert line.labels == {"namespace": "tutorial", "app": "worker", "pod": "gone", "container": "worker"}


def test_the_collector_leaves_out_its_own_log(collecting: Logs) -> None:
    own = {"namespace": "istio-system", "name": "log-collector-x7k2p", "uid": "0c0e3b2c-0000-4000-8000-000000000000"}
    collecting.write_as(own, "log-collector", "sent")
    collecting.write("productpage", "after it")
    assert collecting.found('{app="productpage"} |= "after it"')
    assert collecting.found('{namespace="istio-system"}', expected=0) == []


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
    wanted = f'{{app="productpage"}} | trace_id="{TRACE}" |= `{text}`'
    (line,) = collecting.found(wanted)
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
    (line,) = collecting.found(f'{{app="productpage"}} |= `{text}`')
    assert "trace_id" not in line.metadata


def test_a_restart_of_the_collector_neither_loses_nor_repeats_a_line(logs: Logs) -> None:
    before = logs.received()
    with logs.collecting():
        logs.write("productpage", *(f"restart {number}" for number in range(50)))
        assert logs.found('{app="productpage"} |= "restart"')
        logs.write("productpage", *(f"restart {number}" for number in range(50, 100)))
    logs.write("productpage", *(f"restart {number}" for number in range(100, 150)))
    with logs.collecting():
        logs.write("productpage", "restart 150")
        logs.found('{app="productpage"} |= "restart 150"')
        lines = logs.found('{app="productpage"} |= "restart"', 151)
    assert [line.text for line in lines] == [f"restart {number}" for number in range(151)]
    assert logs.received() - before == 151
