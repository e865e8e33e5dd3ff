"""What the dashboards 6417 and 315 ask for is there on a cluster of today, by the word of a real Prometheus."""

from __future__ import annotations

import http.server
import itertools
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from components.observability import prometheus_rules
from lab import toolchain
from tests.observability import programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OF_KUBE_STATE_METRICS_2 = {
    'kube_node_status_allocatable{node="a",resource="cpu",unit="core"}': 4,
    'kube_node_status_allocatable{node="a",resource="memory",unit="byte"}': 8000,
    'kube_node_status_allocatable{node="a",resource="pods",unit="integer"}': 110,
    'kube_node_status_capacity{node="a",resource="cpu",unit="core"}': 5,
    'kube_node_status_capacity{node="a",resource="memory",unit="byte"}': 9000,
    'kube_node_status_capacity{node="a",resource="pods",unit="integer"}': 120,
    'kube_node_status_condition{node="a",condition="DiskPressure",status="true"}': 0,
    'kube_node_status_condition{node="b",condition="DiskPressure",status="true"}': 1,
    'kube_pod_container_resource_requests{node="a",namespace="shop",resource="cpu",unit="core"}': 2,
    'kube_pod_container_resource_requests{node="a",namespace="shop",resource="memory",unit="byte"}': 3000,
    'kube_pod_container_status_restarts_total{namespace="kube-system",pod="p",container="c"}': 7,
}

OF_NODE_EXPORTER_1 = {
    'node_uname_info{instance="i",nodename="a"}': 1,
    'node_filesystem_size_bytes{instance="i",device="/dev/sda1",mountpoint="/"}': 1000,
    'node_filesystem_size_bytes{instance="i",device="/dev/sda1",mountpoint="/var/lib/kubelet"}': 1000,
    'node_filesystem_size_bytes{instance="i",device="tmpfs",mountpoint="/run"}': 50,
    'node_filesystem_free_bytes{instance="i",device="/dev/sda1",mountpoint="/"}': 400,
}

ASKED_BY_6417 = {
    'sum(kube_node_status_allocatable_cpu_cores{node=~".*"})': 4,
    'sum(kube_node_status_allocatable_memory_bytes{node=~".*"})': 8000,
    'sum(kube_node_status_allocatable_pods{node=~".*"})': 110,
    'sum(kube_node_status_capacity_cpu_cores{node=~".*"})': 5,
    'sum(kube_node_status_capacity_memory_bytes{node=~".*"})': 9000,
    'sum(kube_node_status_capacity_pods{node=~".*"})': 120,
    'sum(kube_pod_container_resource_requests_cpu_cores{namespace=~".*",node=~".*"})': 2,
    'sum(kube_pod_container_resource_requests_memory_bytes{namespace=~".*",node=~".*"})': 3000,
    'sum(kube_pod_container_status_restarts{namespace="kube-system"})': 7,
    'sum(kube_node_status_condition{condition="OutOfDisk",node=~".*",status="true"})': 1,
    'sum(node_filesystem_size{nodename=~"a"})': 1000,
    'sum(node_filesystem_free{nodename=~"a"})': 400,
}

ORDER = 'pod="order-1",namespace="shop"'
OF_CADVISOR_UNDER_CONTAINERD = (
    'container_cpu_usage_seconds_total{id="/",image="",name="",pod="",namespace="",container=""}',
    'container_cpu_usage_seconds_total{id="/system.slice/kubelet.service",image="",name="",pod="",namespace="",container=""}',
    f'container_cpu_usage_seconds_total{{id="/kubepods/1",image="",name="",container="",{ORDER}}}',
    f'container_cpu_usage_seconds_total{{id="/kubepods/1/a",image="order:1",name="a1b2",container="order",{ORDER}}}',
    f'container_cpu_usage_seconds_total{{id="/kubepods/1/b",image="pause:3",name="c3d4",container="",{ORDER}}}',
    f'container_network_receive_bytes_total{{id="/kubepods/1/b",image="pause:3",name="c3d4",container="",{ORDER}}}',
    f'container_memory_working_set_bytes{{id="/kubepods/1/a",image="order:1",name="a1b2",container="order",{ORDER}}}',
    'machine_cpu_cores{machine_id="m"}',
)

OF_KUBERNETES = 'image!="",name=~"^k8s_.*",kubernetes_io_hostname=~"^node-0$"'
ASKED_BY_315 = {
    f"sum by (pod_name) (container_cpu_usage_seconds_total{{{OF_KUBERNETES}}})": [{"pod_name": "order-1"}],
    f'sum by (container_name, pod_name) (container_cpu_usage_seconds_total{{container_name!="POD",{OF_KUBERNETES}}})': [
        {"pod_name": "order-1", "container_name": "order"}
    ],
    f"sum by (container_name, pod_name) (container_network_receive_bytes_total{{{OF_KUBERNETES}}})": [
        {"pod_name": "order-1", "container_name": "POD"}
    ],
    f"sum by (pod_name) (container_memory_working_set_bytes{{{OF_KUBERNETES}}})": [{"pod_name": "order-1"}],
    'sum by (systemd_service_name) (container_cpu_usage_seconds_total{systemd_service_name!=""})': [
        {"systemd_service_name": "kubelet"}
    ],
    'sum(container_cpu_usage_seconds_total{id="/",kubernetes_io_hostname=~"^.*$"})': [{}],
    'sum(machine_cpu_cores{kubernetes_io_hostname=~"^.*$"})': [{}],
    # Containers outside of Kubernetes: there are none, and those of Pods must not be taken for some.
    'sum by (name) (container_cpu_usage_seconds_total{image!="",name!~"^k8s_.*"})': [],
}


def test_the_recording_rules_give_6417_what_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(prometheus_rules.recording_rules()))
    series = OF_KUBE_STATE_METRICS_2 | OF_NODE_EXPORTER_1
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": f"{value}x5"} for name, value in series.items()],
                "promql_expr_test": [
                    {"expr": query, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": value}]}
                    for query, value in ASKED_BY_6417.items()
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))

    command = [toolchain.path("promtool"), "test", "rules", "test.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def kubelet() -> Iterator[str]:
    """The address of a page of metrics as cAdvisor has it under containerd, with counters that count."""
    count = itertools.count(1)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            value = next(count)
            page = "".join(f"{series} {value}\n" for series in OF_CADVISOR_UNDER_CONTAINERD).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def prometheus(kubelet: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("prometheus")
    job = {
        "job_name": "kubernetes-nodes-cadvisor",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        # The addon's own job takes the labels of the node, of which this is one.
        "static_configs": [{"targets": [kubelet], "labels": {"kubernetes_io_hostname": "node-0"}}],
        "metric_relabel_configs": prometheus_rules.cadvisor_relabelings(),
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
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
        deadline = time.monotonic() + 20
        while not ask(client, "container_cpu_usage_seconds_total"):
            assert time.monotonic() < deadline, client.get("/api/v1/targets").text
            time.sleep(0.1)
        yield client


def ask(client: httpx.Client, query: str) -> list[dict[str, Any]]:
    """The labels of the series that answer."""
    answer = client.get("/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", answer
    return [series["metric"] for series in answer["data"]["result"]]


@pytest.mark.parametrize(("query", "expected"), ASKED_BY_315.items())
def test_the_relabelings_give_315_what_it_asks_for(
    query: str, expected: list[dict[str, str]], prometheus: httpx.Client
) -> None:
    assert ask(prometheus, query) == expected


def test_the_labels_of_today_stay_and_no_two_series_become_one(prometheus: httpx.Client) -> None:
    found = ask(prometheus, "container_cpu_usage_seconds_total")

    assert len(found) == sum(series.startswith("container_cpu_") for series in OF_CADVISOR_UNDER_CONTAINERD)
    assert {"order"} == {series["container"] for series in found if series.get("container")}
