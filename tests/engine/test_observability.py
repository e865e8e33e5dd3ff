"""What watches the mesh, on a lab that stands. Real engine, real API server, real istiod."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import TYPE_CHECKING, Any

import yaml

from lab.core import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

NAMESPACE = "istio-system"
WORKLOADS = {
    "Deployment/prometheus",
    "Deployment/grafana",
    "Deployment/kiali",
    "Deployment/jaeger",
    "Deployment/kube-state-metrics",
    "StatefulSet/loki",
    "DaemonSet/log-collector",
    "DaemonSet/node-exporter",
}
MESH = {"Deployment/istiod", "Deployment/istio-ingressgateway", "Deployment/istio-egressgateway"}


def items(laboratory: Laboratory, kinds: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = laboratory.get(kinds, "-n", NAMESPACE)["items"]
    return found


def workloads(laboratory: Laboratory) -> set[str]:
    return {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in items(laboratory, "deployments,statefulsets,daemonsets")
    }


@contextlib.contextmanager
def configured(laboratory: Laboratory, **observability: object) -> Iterator[str]:
    """A lab that stands with other settings, and at the end with those it had."""
    settings = laboratory.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    config = yaml.safe_load(before)
    config["config"]["istio-lab:observability"] = observability
    try:
        settings.write_text(yaml.safe_dump(config))
        yield laboratory.pulumi("up", "--yes", "--skip-preview", "--diff").succeeded().output
    finally:
        settings.write_text(before)
        laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()


def test_every_addon_of_the_course_and_what_it_lacks_is_there(standing: Laboratory) -> None:
    assert workloads(standing) == MESH | WORKLOADS


def test_the_course_finds_its_tools_under_the_names_and_ports_it_types(standing: Laboratory) -> None:
    services = {each["metadata"]["name"]: each["spec"] for each in items(standing, "services")}

    for name, port in {"prometheus": 9090, "grafana": 3000, "kiali": 20001, "tracing": 80, "loki": 3100}.items():
        assert services[name]["type"] == "ClusterIP"
        assert port in {entry["port"] for entry in services[name]["ports"]}


def test_a_tool_that_is_switched_off_goes_alone_and_comes_back(standing: Laboratory) -> None:
    with configured(standing, kiali={"enabled": False}):
        assert workloads(standing) == MESH | WORKLOADS - {"Deployment/kiali"}
    assert workloads(standing) == MESH | WORKLOADS


def test_a_setting_of_one_tool_touches_no_other(standing: Laboratory) -> None:
    with configured(standing, loki={"retention": "72h"}) as said:
        config = yaml.safe_load(standing.get("configmap", "loki", "-n", NAMESPACE)["data"]["config.yaml"])
        assert config["limits_config"]["retention_period"] == "72h"
        assert "~ 1 updated" in said


def test_the_dashboards_arrive_as_they_are(standing: Laboratory) -> None:
    arrived = standing.get("configmap", "lab-grafana-dashboards", "-n", NAMESPACE)["data"]
    folder = paths.PROJECT / "components" / "observability" / "dashboards"

    assert {file.name for file in folder.glob("*.json")} <= set(arrived)
    for file in folder.glob("*.json"):
        assert json.loads(arrived[file.name]) == json.loads(file.read_text())
    istio = standing.get("configmap", "istio-services-grafana-dashboards", "-n", NAMESPACE)["data"]
    assert json.loads(istio["istio-mesh-dashboard.json"])["panels"]


def test_grafanas_password_is_generated_kept_and_nowhere_in_the_open(standing: Laboratory) -> None:
    data = standing.get("secret", "grafana", "-n", NAMESPACE)["data"]
    password = base64.b64decode(data["admin-password"]).decode()

    assert len(password) == 24
    assert password not in standing.export()
    assert password not in standing.pulumi("stack", "output", "--json").succeeded().output
    for config_map in standing.get("configmaps", "-A")["items"]:
        assert password not in json.dumps(config_map), config_map["metadata"]["name"]
    for log in (standing.project / ".lab").rglob("*.log*"):
        assert password not in log.read_text(errors="replace"), log
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()
    assert standing.get("secret", "grafana", "-n", NAMESPACE)["data"] == data


def test_no_password_of_the_pinned_addons_is_left(standing: Laboratory) -> None:
    grafana = json.dumps(standing.get("deployment", "grafana", "-n", NAMESPACE)["spec"])
    kiali = standing.get("configmap", "kiali", "-n", NAMESPACE)["data"]["config.yaml"]

    assert '"value": "admin"' not in grafana
    assert "CHANGEME" not in kiali
