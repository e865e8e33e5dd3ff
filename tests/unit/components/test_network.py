"""Who reaches the tools and the controller of Argo Rollouts, and what Kiali may do, on a cluster of students."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.common.exposure import Exposure
from components.observability import grafana, jaeger, kiali, kube_state_metrics, loki, prometheus
from components.rollouts import argo_rollouts
from tests.unit.components import support
from tests.unit.components.support import FIXTURES
from tests.unit.components.test_observability import GRAFANA, JAEGER, KIALI, LOKI, PROMETHEUS, of, one

if TYPE_CHECKING:
    from pathlib import Path

ALL = ["get", "list", "create", "delete", "patch"]


def test_the_controller_of_rollouts_is_asked_by_prometheus_alone_and_its_dashboard_by_nobody() -> None:
    files = argo_rollouts.RolloutsManifests(
        install=FIXTURES / "argo-rollouts.yaml", dashboard=FIXTURES / "argo-rollouts-dashboard.yaml"
    )
    spec = one(argo_rollouts.compose(files), "NetworkPolicy", "argo-rollouts")["spec"]
    (rule,) = spec["ingress"]

    assert spec["podSelector"] == {}
    assert rule["ports"] == [{"protocol": "TCP", "port": 8090}]
    assert [asker(peer) for peer in rule["from"]] == ["prometheus"]


def test_the_controller_of_rollouts_does_not_reach_a_clouds_metadata() -> None:
    files = argo_rollouts.RolloutsManifests(
        install=FIXTURES / "argo-rollouts.yaml", dashboard=FIXTURES / "argo-rollouts-dashboard.yaml"
    )
    spec = one(argo_rollouts.compose(files), "NetworkPolicy", "argo-rollouts")["spec"]
    pods, served, elsewhere = spec["egress"]

    assert "Egress" in spec["policyTypes"]
    assert pods == {"to": [{"namespaceSelector": {}}]}
    assert {port["port"] for port in served["ports"]} == {53, 443, 6443, 8443}, "metadata is on other ports"
    assert elsewhere == {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16", "168.63.129.16/32"]}}]}


def policies() -> dict[str, dict[str, Any]]:
    """The NetworkPolicies of the tools that nobody reaches from outside, by tool."""
    contents = {
        "prometheus": prometheus.compose(prometheus.PrometheusArgs(**of(PROMETHEUS), retention="48h")),
        "grafana": grafana.compose(grafana.GrafanaArgs(**of(GRAFANA))),
        "kiali": kiali.compose(kiali.KialiArgs(**of(KIALI), auth="token")),
        "jaeger": jaeger.compose(jaeger.JaegerArgs(**of(JAEGER))),
        "loki": loki.compose(loki.LokiArgs(**of(LOKI), retention="48h")),
        "kube-state-metrics": kube_state_metrics.compose(),
    }
    return {name: one(content, "NetworkPolicy", name)["spec"] for name, content in contents.items()}


@pytest.mark.parametrize(
    ("tool", "page", "askers"),
    [
        ("prometheus", 9090, {"grafana", "kiali", "argo-rollouts"}),
        ("grafana", 3000, {"kiali", "prometheus"}),
        ("kiali", 20001, set()),
        ("jaeger", 16686, {"grafana", "kiali"}),
        ("loki", 3100, {"grafana", "prometheus", "log-collector"}),
        ("kube-state-metrics", 8080, {"prometheus"}),
    ],
)
def test_a_page_of_a_tool_is_reached_by_the_tools_that_ask_it(tool: str, page: int, askers: set[str]) -> None:
    spec = policies()[tool]
    rules = [rule for rule in spec["ingress"] if page in {port["port"] for port in rule["ports"]}]

    assert spec["policyTypes"] == ["Ingress"]
    assert spec["podSelector"]["matchLabels"] != {}
    assert {asker(peer) for rule in rules for peer in rule["from"]} == askers


def asker(peer: dict[str, Any]) -> str:
    """The one value of the labels of Pods, or of a namespace where all Pods are meant."""
    (name,) = (peer.get("podSelector") or peer["namespaceSelector"])["matchLabels"].values()
    return str(name)


def test_proxies_of_every_namespace_send_spans_to_jaeger_and_reach_none_of_its_pages() -> None:
    (rule,) = [rule for rule in policies()["jaeger"]["ingress"] if rule["from"] == [{"namespaceSelector": {}}]]

    assert {port["port"] for port in rule["ports"]} == {4317, 4318, 9411, 14250, 14268}


def test_a_public_page_is_reached_by_whom_its_load_balancer_lets_through() -> None:
    public = kiali.compose(
        kiali.KialiArgs(**of(KIALI), auth="token", exposure=Exposure(source_ranges=("203.0.113.7/32",)))
    )
    open_rules = [rule for rule in one(public, "NetworkPolicy", "kiali")["spec"]["ingress"] if "from" not in rule]

    assert open_rules == [{"ports": [{"protocol": "TCP", "port": 20001}]}]
    assert [tool for tool, spec in policies().items() if any("from" not in rule for rule in spec["ingress"])] == []


# --- Kiali in a class ---


def test_a_kiali_that_only_shows_has_no_rights_to_change(tmp_path: Path) -> None:
    role = {
        "apiGroups": ["networking.istio.io"],
        "resources": ["*"],
        "verbs": ALL,
    }
    login = {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
    rights = {"apiVersion": "v1", "kind": "ClusterRole", "metadata": {"name": "kiali"}, "rules": [role, login]}
    manifest = tmp_path / "kiali.yaml"
    manifest.write_text(f"{KIALI.read_text()}\n---\n{yaml.safe_dump(rights)}")

    def made(*, view_only: bool) -> tuple[object, object]:
        content = kiali.compose(kiali.KialiArgs(**of(manifest), auth="token", view_only=view_only))
        config = yaml.safe_load(one(content, "ConfigMap", "kiali")["data"]["config.yaml"])
        verbs = [rule["verbs"] for rule in one(content, "ClusterRole", "kiali")["rules"]]
        return config["deployment"]["view_only_mode"], verbs

    assert made(view_only=False) == (False, [ALL, ["create"]])
    assert made(view_only=True) == (True, [["get", "list"], ["create"]])


@pytest.mark.parametrize(
    ("student", "chosen", "auth", "rights"),
    [
        ({}, {}, "anonymous", "edit"),
        ({"classroom": "ws26"}, {}, "token", "view"),
        ({"id": "anna"}, {}, "token", "view"),
        ({"classroom": "ws26"}, {"auth": "anonymous", "rights": "edit"}, "anonymous", "edit"),
        ({}, {"auth": "token", "rights": "view"}, "token", "view"),
    ],
    ids=str,
)
def test_kiali_asks_for_a_login_and_only_shows_where_students_work(
    student: dict[str, str], chosen: dict[str, str], auth: str, rights: str
) -> None:
    made = support.main(student=student, observability={"kiali": chosen})
    objects = support.values(made, "kiali")["objects"]
    config = yaml.safe_load(yaml.safe_load(objects["ConfigMap/kiali"])["data"]["config.yaml"])

    assert config["auth"]["strategy"] == auth
    assert config["deployment"]["view_only_mode"] is (rights == "view")
