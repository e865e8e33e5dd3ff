"""A real Prometheus understands every query of the course and of the dashboards, and has an answer to the shop's."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from components.observability import dashboards, prometheus_rules
from lab import toolchain
from lab.core.errors import LabError
from lab.services import queries
from lab.toolchain import artifacts
from tests.observability import programs, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLISHED = Path(__file__).parent / "metrics"

OF_A_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")

BEFORE_ISTIO_1_5 = "istio_request_duration_seconds_bucket"
"""Istio's dashboards ask for it as an alternative to what it is called today."""

CHOSEN = {
    "__rate_interval": "5m",
    "namespace": "shop",
    "app": "order",
    "workload": "order",
    "service": "order.shop.svc.cluster.local",
    "qrep": "source|destination",
}
"""What variables of a dashboard are replaced by; others by what matches all."""

SEEN_FROM_THE_REQUESTS = ("istio-mesh-dashboard.json", "istio-service-dashboard.json", "istio-workload-dashboard.json")


@dataclass(frozen=True)
class Prometheus:
    """A real one with the samples.

    Attributes:
        client: asks its pages.
        end: the time of the last sample, in seconds since 1970.
    """

    client: httpx.Client
    end: int

    def parse(self, query: str) -> dict[str, Any]:
        """The syntax tree of a query."""
        return self._ask("parse_query", {"query": query})

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series of an answer, each with its labels and its value at the end."""
        result: list[dict[str, Any]] = self._ask("query", {"query": query, "time": self.end})["result"]
        return result

    def _ask(self, what: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        answer = self.client.get(f"/api/v1/{what}", params=parameters).json()
        assert answer["status"] == "success", f"{parameters['query']}: {answer.get('error')}"
        return answer["data"]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    end = int(time.time()) // samples.STEP * samples.STEP
    (folder / "samples").write_text(samples.open_metrics(end))
    (folder / "prometheus.yml").write_text("{}\n")
    subprocess.run(
        [toolchain.path("promtool"), "tsdb", "create-blocks-from", "openmetrics", "samples", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    url = f"http://127.0.0.1:{programs.free_port()}"
    running = programs.run(
        [
            toolchain.path("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={url.removeprefix('http://')}",
        ],
        ready_url=f"{url}/-/ready",
        log=folder / "log",
    )
    with running, httpx.Client(base_url=url) as client:
        yield Prometheus(client, end)


def of_istio() -> dict[str, str]:
    """The dashboards of the pinned addon."""
    try:
        objects = yaml.load_all(artifacts.path("addon-grafana.yaml").read_bytes(), yaml.CSafeLoader)
    except LabError:
        return {}
    data = [entry for o in objects if o["kind"] == "ConfigMap" for entry in o["data"].items()]
    return {name: text for name, text in data if name.endswith("-dashboard.json")}


ALL = of_istio() | dashboards.load({})
every_dashboard = pytest.mark.parametrize("name", ALL)


def panels(name: str) -> dict[str, list[str]]:
    """The queries for Prometheus by panel, with something chosen for every variable."""
    whole = json.loads(ALL[name])
    all_panels = [*whole["panels"], *(inner for row in whole["panels"] for inner in row.get("panels", []))]
    asked = {
        f"{panel['id']} {panel.get('title', '')}": [
            chosen(target["expr"])
            for target in panel.get("targets", [])
            if "expr" in target and target.get("datasource", {}).get("type") != "loki"
        ]
        for panel in all_panels
    }
    return {panel: expressions for panel, expressions in asked.items() if expressions}


def chosen(expression: str) -> str:
    variable = re.compile(r"\$(\w+)|\$\{(\w+)[^}]*\}|\[\[(\w+)\]\]")
    return variable.sub(lambda found: CHOSEN.get(next(filter(None, found.groups())), ".*"), expression)


def names(tree: object) -> set[str]:
    """The metrics that a query's syntax tree selects."""
    if isinstance(tree, list):
        return {name for part in tree for name in names(part)}
    if isinstance(tree, dict):
        own = {tree["name"]} if tree.get("type") in ("vectorSelector", "matrixSelector") else set()
        return own | names(list(tree.values()))
    return set()


def published() -> set[str]:
    """Every metric of the published lists, and those that the lab records."""
    lists = [line for file in PUBLISHED.glob("*.txt") for line in file.read_text(encoding="utf-8").splitlines()]
    recorded = [rule["record"] for group in prometheus_rules.recording_rules()["groups"] for rule in group["rules"]]
    return {line for line in lists if not line.startswith("#")} | set(recorded)


def test_istios_dashboards_are_among_them() -> None:
    assert {*SEEN_FROM_THE_REQUESTS, "pilot-dashboard.json", "shop.json"} <= ALL.keys()


@every_dashboard
def test_every_query_of_a_dashboard_asks_for_metrics_that_exist(name: str, prometheus: Prometheus) -> None:
    expressions = [expression for of_panel in panels(name).values() for expression in of_panel]
    asked = {metric for expression in expressions for metric in names(prometheus.parse(expression))}
    exist = published()

    assert asked != set()
    unknown = {metric for metric in asked if metric not in exist and OF_A_HISTOGRAM.sub("", metric) not in exist}
    assert unknown <= {BEFORE_ISTIO_1_5}


@pytest.mark.parametrize("query", queries.load(), ids=lambda query: query.name)
def test_a_query_of_the_course_is_answered(query: queries.Query, prometheus: Prometheus) -> None:
    assert prometheus.ask(query.query) != []


@pytest.mark.parametrize("name", ["shop.json", *SEEN_FROM_THE_REQUESTS])
def test_every_panel_about_requests_has_data(name: str, prometheus: Prometheus) -> None:
    without = [panel for panel, expressions in panels(name).items() if not any(map(prometheus.ask, expressions))]

    assert without == []


@pytest.mark.parametrize(
    ("query", "label", "values"),
    [
        ("success-rate", "", {"": 0.9}),
        ("latency-p50", "", {"": 21.0}),
        ("latency-p95", "", {"": 100.0}),
        ("latency-p99", "", {"": 250.0}),
        ("version-share", "destination_version", {"v1": 0.8, "v2": 0.2}),
        ("retries", "pod", {"siege-5d4f-x2x": 2 / samples.STEP}),
        ("ejected", "pod", {"siege-5d4f-x2x": 1.0}),
        ("ejections", "pod", {"siege-5d4f-x2x": 2 * 300 / samples.STEP}),
    ],
)
def test_an_answer_is_what_the_samples_say(
    query: str, label: str, values: dict[str, float], prometheus: Prometheus
) -> None:
    answer = prometheus.ask(queries.named(query).query)
    found = {series["metric"].get(label, ""): float(series["value"][1]) for series in answer}

    assert found == pytest.approx(values, rel=0.01)


def test_the_filter_of_the_course_leaves_server_errors_out(prometheus: Prometheus) -> None:
    def codes(name: str) -> set[str]:
        return {series["metric"]["response_code"] for series in prometheus.ask(queries.named(name).query)}

    assert codes("requests-of-order") == {"200", "503"}
    assert codes("requests-of-order-without-5xx") == {"200"}


def test_the_notes_query_counts_what_order_itself_received(prometheus: Prometheus) -> None:
    answer = prometheus.ask(queries.named("request-rate").query)

    assert {(series["metric"]["reporter"], series["metric"]["pod"]) for series in answer} == {
        ("destination", "order-5d4f-x2x")
    }
    assert sum(float(series["value"][1]) for series in answer) == pytest.approx(100 / samples.STEP, rel=0.01)
