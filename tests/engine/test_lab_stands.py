"""What a user sees of a lab that stands. Real engine, real API server, real istiod."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml

if TYPE_CHECKING:
    from tests.engine.laboratory import Laboratory

BOOKINFO = {"details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"}

ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: weights, namespace: tutorial}}
spec:
  hosts: [reviews]
  http:
  - route:
    - {{destination: {{host: reviews}}, weight: 80}}
    - {{destination: {{host: ratings}}, weight: {weight}}}
"""


def test_the_summary_names_what_stands_its_address_and_the_next_commands(standing: Laboratory) -> None:
    said = standing.lab("up").succeeded().output
    assert "The lab stands" in said
    assert re.search(r"tutorial +11 of 11 Pods ready", said)
    assert re.search(r"bookinfoUrl +http://127\.0\.0\.1:\d+/productpage", said)
    assert f"export KUBECONFIG={standing.kubeconfig}" in said
    assert "make down" in said


def test_every_pod_is_ready(standing: Laboratory) -> None:
    pods = standing.get("pods", "-A")["items"]
    assert len(pods) == 44
    for pod in pods:
        conditions = {entry["type"]: entry["status"] for entry in pod["status"]["conditions"]}
        assert conditions["Ready"] == "True", pod["metadata"]["name"]


def test_bookinfo_and_hello_nginx_have_their_sidecar(standing: Laboratory) -> None:
    listing = standing.kubectl("get", "pods", "-n", "tutorial", "--no-headers").succeeded().output
    ready = {line.split()[0].rsplit("-", 2)[0]: line.split()[1] for line in listing.splitlines()}
    assert ready == dict.fromkeys(BOOKINFO | {"hello-nginx", "order", "delivery", "siege"}, "2/2")


def test_a_second_up_has_nothing_to_do(standing: Laboratory) -> None:
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()
    standing.pulumi("preview", "--expect-no-changes").succeeded()


def test_the_real_istiod_refuses_a_bad_weight_and_takes_a_good_one(standing: Laboratory) -> None:
    refused = standing.kubectl("apply", "-f", "-", stdin=ROUTE.format(weight=-20))
    assert refused.code != 0
    assert 'admission webhook "validation.istio.io" denied the request' in refused.output
    assert "weight -20 < 0" in refused.output
    standing.kubectl("apply", "-f", "-", stdin=ROUTE.format(weight=20)).succeeded()
    standing.kubectl("delete", "virtualservice", "weights", "-n", "tutorial").succeeded()


def test_istioctl_analyze_reports_no_error(standing: Laboratory) -> None:
    findings = json.loads(standing.istioctl("analyze", "-A", "-o", "json").output or "[]")
    assert [finding for finding in findings if finding["level"] in {"Error", "Warning"}] == []
    # That `default` is not in the mesh is as the course has it.
    assert [finding for finding in findings if finding["code"] != "IST0102"] == []


def test_the_sidecar_can_also_be_added_by_hand(standing: Laboratory) -> None:
    manifest = standing.directory / "deployment.yaml"
    container = {"name": "web", "image": "nginx:1.29"}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    manifest.write_text(yaml.safe_dump(deployment))
    injected = standing.lab("inject", str(manifest)).succeeded().output
    assert injected == standing.istioctl("kube-inject", "-f", str(manifest)).succeeded().output
    pod = next(iter(yaml.safe_load_all(injected)))["spec"]["template"]["spec"]
    names = {entry["name"] for entry in pod["containers"] + pod.get("initContainers", [])}
    assert {"web", "istio-proxy"} <= names


def test_the_ingress_gateway_takes_the_ports_that_the_courses_manifests_name(standing: Laboratory) -> None:
    ports = standing.get("service", "istio-ingressgateway", "-n", "istio-system")["spec"]["ports"]
    targets = {entry["port"]: entry["targetPort"] for entry in ports}
    assert targets == {15021: 15021, 80: 8080, 443: 8443, 31400: 31400, 15443: 15443}


def test_the_nodes_are_what_the_settings_say(standing: Laboratory) -> None:
    nodes = standing.get("nodes")["items"]
    assert len({node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}) == 3
    for node in nodes:
        assert node["status"]["capacity"]["cpu"] == "4"
        assert node["status"]["capacity"]["memory"] == "16Gi"
        assert "ephemeral-storage" in node["status"]["capacity"]


def test_kubectl_top_tells_the_usage_of_every_node_and_every_pod(standing: Laboratory) -> None:
    def rows(*arguments: str) -> dict[str, list[str]]:
        result = standing.kubectl("top", *arguments, "--no-headers")
        return {line.split()[0]: line.split()[1:] for line in result.output.splitlines()} if result.code == 0 else {}

    nodes = {node["metadata"]["name"] for node in standing.get("nodes")["items"]}
    pods = {pod["metadata"]["name"] for pod in standing.get("pods", "-n", "tutorial")["items"]}
    deadline = time.monotonic() + 60
    while rows("node").keys() != nodes or rows("pod", "-n", "tutorial").keys() != pods:
        assert time.monotonic() < deadline, standing.kubectl("top", "node").output
        time.sleep(1)
    for processor, memory in rows("pod", "-n", "tutorial").values():
        assert 0 < int(processor.removesuffix("m")) < 100
        assert 0 < int(memory.removesuffix("Mi")) < 128


def test_nothing_listens_beyond_loopback(standing: Laboratory) -> None:
    listening = [
        (connection.laddr.ip, connection.laddr.port, process.name())
        for process in standing.processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    servers = {"etcd", "kube-apiserver", "kwok-controller", "metrics-server", "pilot-discovery"}
    assert servers <= {name for _, _, name in listening}
    assert [entry for entry in listening if entry[0] not in {"127.0.0.1", "::1"}] == []


def test_credentials_are_readable_by_their_owner_alone(standing: Laboratory) -> None:
    for file in (standing.kubeconfig, standing.project / ".lab" / "passphrase"):
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert (standing.project / ".lab" / "passphrase").read_text().strip()


def test_the_kubeconfig_is_a_secret_wherever_it_goes(standing: Laboratory) -> None:
    user = yaml.safe_load(standing.kubeconfig.read_text())["users"][0]["user"]
    key = user["client-key-data"]
    assert len(key) > 100
    assert key not in standing.export()
    assert json.loads(standing.pulumi("stack", "output", "--json").succeeded().output)["kubeconfig"] == "[secret]"
    for log in (standing.project / ".lab" / "pulumi").rglob("*.log*"):
        assert key not in log.read_text(errors="replace"), log


def test_a_changed_number_of_nodes_changes_nothing_else(standing: Laboratory) -> None:
    settings = standing.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    try:
        settings.write_text(before.replace("config:\n", "config:\n  istio-lab:nodes: {count: 4}\n", 1))
        said = standing.pulumi("up", "--yes", "--skip-preview").succeeded().output
        assert re.search(r"~ 1 updated\n +\d+ unchanged", said)
        assert len(standing.get("nodes")["items"]) == 4
    finally:
        settings.write_text(before)
    standing.pulumi("up", "--yes", "--skip-preview").succeeded()
    assert len(standing.get("nodes")["items"]) == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("istio-lab:istioVerison: 1.31.1", "istio-lab:istioVerison"),
        ("istio-lab:nodes: {count: 0}", "istio-lab:nodes.count"),
    ],
)
def test_a_bad_setting_is_refused_by_name_before_anything_changes(standing: Laboratory, line: str, told: str) -> None:
    settings = standing.project / "Pulumi.dev.yaml"
    before, state = settings.read_text(), len(standing.state())
    try:
        settings.write_text(before.replace("config:\n", f"config:\n  {line}\n", 1))
        refused = standing.pulumi("up", "--yes", "--skip-preview")
    finally:
        settings.write_text(before)
    assert refused.code != 0
    assert told in refused.output
    assert "Traceback" not in refused.output
    assert len(standing.state()) == state
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()


def test_a_student_shares_the_lab_and_gets_no_namespace_but_their_own(standing: Laboratory) -> None:
    student = standing.other("student-07")
    file = student.project / "Pulumi.student-07.yaml"
    # Besides the two settings that a student needs: less to wait for.
    little = {"tutorial": {"helloNginx": False, "bookinfo": False, "shop": False}, "shop": {"enabled": False}}
    settings = {"target": "shared", "shared": {"platform": standing.stack}, **little, "rollouts": {"enabled": False}}
    file.write_text(yaml.safe_dump({"config": {f"istio-lab:{key}": value for key, value in settings.items()}}))
    student.pulumi("stack", "init").succeeded()
    up = ("up", "--yes", "--skip-preview")

    standing.kubectl("create", "namespace", "student-07-shop").succeeded()
    before = standing.get("namespace", "student-07-shop")
    refused = student.pulumi(*up)
    after = standing.get("namespace", "student-07-shop")
    # As if `up` had been killed between the cluster's answer and the state.
    mark = f"istio-lab/stack=organization/istio-lab/{student.stack}"
    standing.kubectl("annotate", "namespace", "student-07-shop", mark).succeeded()
    taken_over = student.pulumi(*up).succeeded()
    output = student.pulumi("stack", "output", "namespaces").succeeded().output
    student.pulumi("destroy", "--yes", "--skip-preview").succeeded()
    student.pulumi("stack", "rm", "--yes").succeeded()
    left = {each["metadata"]["name"] for each in standing.get("namespaces")["items"]}

    assert refused.code != 0
    assert "the cluster has the namespace student-07-shop already, which kubectl-create has made" in refused.output
    assert "Traceback" not in refused.output
    assert after == before
    assert "Namespace shop created" in re.sub(r"\s+", " ", taken_over.output)
    assert json.loads(output) == ["student-07-default", "student-07-tutorial", "student-07-shop"]
    assert not {each for each in left if each.startswith("student-07")}
