"""The addons: what each is made of, what they know of each other, who reaches them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.common.addon import AddonContext
from components.common.exposure import Exposure
from components.common.volumes import Volumes
from components.observability import grafana, jaeger, kiali, kube_state_metrics, loki, node_exporter, prometheus
from lab.core import versions
from lab.core.manifests import named
from tests.unit.components import support
from tests.unit.components.support import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.common.addon import AddonManifests
    from tests.unit.recorder import Recording

RANGES = ("203.0.113.0/24",)
PUBLIC = Exposure(source_ranges=RANGES)
VOLUMES = Volumes(storage_class="managed-csi", size="4Gi")

CONTEXT = AddonContext(capabilities=support.EVERYTHING, depends_on=(), directory=FIXTURES)

PROMETHEUS, GRAFANA, KIALI, JAEGER, LOKI = (
    FIXTURES / f"addon-{name}.yaml" for name in ("prometheus", "grafana", "kiali", "jaeger", "loki")
)


def of(manifest: Path) -> dict[str, Any]:
    """What every addon of Istio's is given."""
    return {"context": CONTEXT, "manifest": manifest}


def one(content: AddonManifests, kind: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in content.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def pod(content: AddonManifests, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = one(content, kind, name)["spec"]["template"]["spec"]
    return found


def kinds(content: AddonManifests) -> set[str]:
    return {each["kind"] for each in content.objects}


# --- Prometheus ---


def test_prometheus_keeps_samples_as_long_as_the_setting_says() -> None:
    content = prometheus.compose(prometheus.PrometheusArgs(**of(PROMETHEUS), retention="72h"))

    server = named(pod(content, "Deployment", "prometheus")["containers"], "prometheus-server")
    assert [each for each in server["args"] if "retention" in each] == ["--storage.tsdb.retention.time=72h"]
    assert "--config.file=/etc/config/prometheus.yml" in server["args"]


def test_prometheus_is_of_the_pinned_line_with_long_term_support() -> None:
    content = prometheus.compose(prometheus.PrometheusArgs(**of(PROMETHEUS), retention="48h"))

    server = named(pod(content, "Deployment", "prometheus")["containers"], "prometheus-server")
    assert server["image"] == f"docker.io/prom/prometheus:v{versions.PROMETHEUS}"


def test_prometheus_gives_cadvisors_metrics_the_names_that_old_dashboards_ask_for() -> None:
    config = one(
        prometheus.compose(prometheus.PrometheusArgs(**of(PROMETHEUS), retention="48h")),
        "ConfigMap",
        "prometheus",
    )["data"]

    jobs = {job["job_name"]: job for job in yaml.safe_load(config["prometheus.yml"])["scrape_configs"]}
    assert "pod_name" in {
        each.get("target_label") for each in jobs["kubernetes-nodes-cadvisor"]["metric_relabel_configs"]
    }
    assert "metric_relabel_configs" not in jobs["kubernetes-pods"]
    assert yaml.safe_load(config["recording_rules.yml"])["groups"]


# --- Loki ---


def test_loki_needs_no_rights_in_the_cluster() -> None:
    content = loki.compose(loki.LokiArgs(**of(LOKI), retention="48h"))

    assert kinds(content) == {"ConfigMap", "NetworkPolicy", "Service", "StatefulSet"}
    assert pod(content, "StatefulSet", "loki")["automountServiceAccountToken"] is False
    (container,) = pod(content, "StatefulSet", "loki")["containers"]
    assert [each["name"] for each in container["volumeMounts"]] == ["storage"]


def test_lokis_pod_is_replaced_when_its_configuration_changes() -> None:
    def checksum(retention: str) -> str:
        stateful_set = one(loki.compose(loki.LokiArgs(**of(LOKI), retention=retention)), "StatefulSet", "loki")
        found: str = stateful_set["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum("48h") == checksum("48h") != checksum("72h")


# --- Jaeger ---


def test_the_names_of_jaegers_ports_begin_with_their_protocol() -> None:
    service = one(jaeger.compose(jaeger.JaegerArgs(**of(JAEGER))), "Service", "jaeger-collector")

    assert [port["name"] for port in service["spec"]["ports"]] == ["grpc-jaeger", "grpc-otel"]


# --- storage ---


def stored(volumes: Volumes | None) -> dict[str, tuple[AddonManifests, str, str]]:
    """Each tool that stores something, with its workload's kind and the name of its volume."""
    return {
        "prometheus": (
            prometheus.compose(prometheus.PrometheusArgs(**of(PROMETHEUS), retention="48h", volumes=volumes)),
            "Deployment",
            "storage-volume",
        ),
        "grafana": (
            grafana.compose(grafana.GrafanaArgs(**of(GRAFANA), volumes=volumes)),
            "Deployment",
            "storage",
        ),
        "jaeger": (
            jaeger.compose(jaeger.JaegerArgs(**of(JAEGER), volumes=volumes)),
            "Deployment",
            "data",
        ),
        "loki": (
            loki.compose(loki.LokiArgs(**of(LOKI), retention="48h", volumes=volumes)),
            "StatefulSet",
            "storage",
        ),
    }


@pytest.mark.parametrize("name", ["prometheus", "grafana", "jaeger", "loki"])
def test_what_is_stored_goes_with_the_pod_unless_asked_otherwise(name: str) -> None:
    content, kind, volume = stored(None)[name]

    assert named(pod(content, kind, name)["volumes"], volume) == {"name": volume, "emptyDir": {}}
    assert "PersistentVolumeClaim" not in kinds(content)
    assert "volumeClaimTemplates" not in one(content, kind, name)["spec"]


@pytest.mark.parametrize("name", ["prometheus", "grafana", "jaeger", "loki"])
def test_what_is_stored_outlives_the_pod_in_a_volume_of_the_chosen_class_and_size(name: str) -> None:
    content, kind, volume = stored(VOLUMES)[name]

    claim = {"claimName": one(content, "PersistentVolumeClaim", name)["metadata"]["name"]}
    assert named(pod(content, kind, name)["volumes"], volume) == {"name": volume, "persistentVolumeClaim": claim}
    spec = one(content, "PersistentVolumeClaim", name)["spec"]
    assert spec["storageClassName"] == "managed-csi"
    assert spec["resources"]["requests"]["storage"] == "4Gi"


def test_without_a_class_the_cluster_chooses_the_volume() -> None:
    claim = one(
        jaeger.compose(jaeger.JaegerArgs(**of(JAEGER), volumes=Volumes(size="8Gi"))),
        "PersistentVolumeClaim",
        "jaeger",
    )

    assert "storageClassName" not in claim["spec"]


def test_the_embedded_target_has_no_volumes_so_nothing_waits_for_one() -> None:
    recording = support.main(observability={"persistence": {"enabled": True}})

    assert "PersistentVolumeClaim" not in {each["kind"] for each in installed(recording, "loki")}


# --- Grafana ---


def environment(content: AddonManifests) -> dict[str, dict[str, Any]]:
    (container,) = pod(content, "Deployment", "grafana")["containers"]
    return {each["name"]: each for each in container["env"]}


def test_grafana_asks_for_the_generated_password() -> None:
    env = environment(grafana.compose(grafana.GrafanaArgs(**of(GRAFANA))))

    assert env["GF_AUTH_ANONYMOUS_ENABLED"]["value"] == "false"
    assert env["GF_AUTH_BASIC_ENABLED"]["value"] == "true"
    for name, key in (("GF_SECURITY_ADMIN_USER", "admin-user"), ("GF_SECURITY_ADMIN_PASSWORD", "admin-password")):
        assert env[name] == {"name": name, "valueFrom": {"secretKeyRef": {"name": "grafana", "key": key}}}


def test_whoever_may_look_without_a_login_changes_nothing() -> None:
    env = environment(grafana.compose(grafana.GrafanaArgs(**of(GRAFANA), anonymous_viewer=True)))

    assert env["GF_AUTH_ANONYMOUS_ENABLED"]["value"] == "true"
    assert env["GF_AUTH_ANONYMOUS_ORG_ROLE"]["value"] == "Viewer"


def data_sources(**present: bool) -> dict[str, dict[str, Any]]:
    content = grafana.compose(grafana.GrafanaArgs(**of(GRAFANA), **present))
    provisioned = yaml.safe_load(one(content, "ConfigMap", "grafana")["data"]["datasources.yaml"])
    return {each["uid"]: each for each in provisioned["datasources"]}


def test_a_log_line_leads_to_its_trace_and_a_trace_to_its_log_lines() -> None:
    sources = data_sources()

    assert list(sources) == ["prometheus", "loki", "jaeger"]
    (derived,) = sources["loki"]["jsonData"]["derivedFields"]
    assert (derived["matcherRegex"], derived["datasourceUid"]) == ("trace_id", "jaeger")
    assert sources["jaeger"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki"


@pytest.mark.parametrize(
    ("missing", "left"),
    [
        ("prometheus", ["loki", "jaeger"]),
        ("loki", ["prometheus", "jaeger"]),
        ("tracing", ["prometheus", "loki"]),
    ],
)
def test_grafana_loses_only_the_link_to_what_is_switched_off(missing: str, left: list[str]) -> None:
    sources = data_sources(**{missing: False})

    assert list(sources) == left
    assert {"loki": "loki", "tracing": "jaeger"}.get(missing, "none") not in json.dumps(
        [each["jsonData"] for each in sources.values()]
    )


def test_dashboards_travel_as_files_and_grafana_looks_for_them_where_they_are() -> None:
    content = grafana.compose(grafana.GrafanaArgs(**of(GRAFANA), dashboards={"shop.json": "{}"}))

    files = {each.config_map: set(each.content) for each in content.files}
    assert files == {
        "istio-grafana-dashboards": {"pilot-dashboard.json"},
        "istio-services-grafana-dashboards": {"istio-mesh-dashboard.json"},
        "lab-grafana-dashboards": {"shop.json"},
    }
    providers = yaml.safe_load(one(content, "ConfigMap", "grafana")["data"]["dashboardproviders.yaml"])["providers"]
    path = named(providers, "lab")["options"]["path"]
    (container,) = pod(content, "Deployment", "grafana")["containers"]
    assert named(container["volumeMounts"], "lab-grafana-dashboards")["mountPath"] == path


# --- Kiali ---


def kiali_configuration(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - the arguments'
    content = kiali.compose(kiali.KialiArgs(**of(KIALI), **{"auth": "anonymous", **given}))
    found: dict[str, Any] = yaml.safe_load(one(content, "ConfigMap", "kiali")["data"]["config.yaml"])
    return found


def test_kiali_knows_prometheus_grafana_and_jaeger() -> None:
    services = kiali_configuration()["external_services"]

    assert services["prometheus"]["url"] == "http://prometheus.istio-system:9090"
    assert services["grafana"]["internal_url"] == "http://grafana.istio-system:3000"
    assert services["tracing"]["internal_url"] == "http://tracing.istio-system/jaeger"
    assert all(each["enabled"] for each in services.values())


@pytest.mark.parametrize("missing", ["prometheus", "grafana", "tracing"])
def test_kiali_loses_only_the_link_to_what_is_switched_off(missing: str) -> None:
    services = kiali_configuration(**{missing: False})["external_services"]

    assert {name for name, each in services.items() if not each["enabled"]} == {missing}


def test_kialis_keys_are_in_secrets_and_not_in_its_configuration() -> None:
    content = kiali.compose(kiali.KialiArgs(**of(KIALI), auth="token"))

    configuration = kiali_configuration(auth="token")
    assert configuration["auth"]["strategy"] == "token"
    assert configuration["login_token"]["signing_key"] == "secret:kiali-signing-key:key"
    volumes = pod(content, "Deployment", "kiali")["volumes"]
    assert named(volumes, "login-token-signing-key")["secret"]["secretName"] == "kiali-signing-key"
    assert named(volumes, "grafana-password")["secret"]["secretName"] == "grafana"


# --- metrics of Kubernetes and its nodes ---


@pytest.mark.parametrize("content", [kube_state_metrics.compose(), node_exporter.compose()])
def test_an_exporter_is_scraped_and_can_do_no_harm(content: AddonManifests) -> None:
    (service,) = (each for each in content.objects if each["kind"] == "Service")
    (workload,) = (each for each in content.objects if each["kind"] in {"Deployment", "DaemonSet"})

    assert service["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    template = workload["spec"]["template"]
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["runAsNonRoot"]


def test_kube_state_metrics_never_sees_a_secret() -> None:
    role = one(kube_state_metrics.compose(), "ClusterRole", "kube-state-metrics")

    assert {"secrets", "configmaps", "*"}.isdisjoint(kind for rule in role["rules"] for kind in rule["resources"])
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list", "watch"}


# --- exposure ---


def services(exposure: Exposure) -> dict[str, tuple[dict[str, Any], AddonManifests]]:
    contents = {
        "prometheus": prometheus.compose(
            prometheus.PrometheusArgs(**of(PROMETHEUS), retention="48h", exposure=exposure)
        ),
        "grafana": grafana.compose(grafana.GrafanaArgs(**of(GRAFANA), exposure=exposure)),
        "kiali": kiali.compose(kiali.KialiArgs(**of(KIALI), auth="token", exposure=exposure)),
        "tracing": jaeger.compose(jaeger.JaegerArgs(**of(JAEGER), exposure=exposure)),
        "loki": loki.compose(loki.LokiArgs(**of(LOKI), retention="48h", exposure=exposure)),
    }
    return {name: (one(content, "Service", name)["spec"], content) for name, content in contents.items()}


@pytest.mark.parametrize("tool", ["prometheus", "grafana", "kiali", "tracing", "loki"])
def test_a_private_tool_has_no_address_outside_the_cluster(tool: str) -> None:
    spec, content = services(Exposure())[tool]

    assert spec["type"] == "ClusterIP"
    assert "loadBalancerSourceRanges" not in spec
    assert content.endpoint is None


@pytest.mark.parametrize("tool", ["prometheus", "grafana", "kiali", "tracing", "loki"])
def test_a_public_tool_lets_in_the_named_ranges_only(tool: str) -> None:
    spec, content = services(PUBLIC)[tool]

    assert spec["type"] == "LoadBalancer"
    assert spec["loadBalancerSourceRanges"] == list(RANGES)
    assert content.endpoint
    assert content.endpoint.port in {port["port"] for port in spec["ports"]}


# --- together ---


def installed(recording: Recording, release: str) -> Sequence[dict[str, Any]]:
    return [yaml.safe_load(text) for text in support.values(recording, release)["objects"].values()]


ADDONS = {
    "prometheus": "prometheus",
    "grafana": "grafana",
    "kiali": "kiali",
    "tracing": "jaeger",
    "loki": "loki",
    "logCollector": "log-collector",
    "kubeStateMetrics": "kube-state-metrics",
    "nodeExporter": "node-exporter",
}
"""The release of each addon, by its setting."""


def releases(recording: Recording) -> set[str]:
    return {each.name for each in recording.resources if each.type.endswith(":Release")} & set(ADDONS.values())


def test_all_addons_are_there_by_default(dev: Recording) -> None:
    assert releases(dev) == set(ADDONS.values())


@pytest.mark.parametrize("setting", ADDONS)
def test_each_addon_can_be_switched_off_alone(setting: str) -> None:
    recording = support.main(observability={setting: {"enabled": False}})

    without = {ADDONS[setting]} | ({"log-collector"} if setting == "loki" else set())
    assert releases(recording) == set(ADDONS.values()) - without


def test_without_jaeger_no_proxy_sends_spans() -> None:
    recording = support.main(observability={"tracing": {"enabled": False}})

    assert recording.one("mesh-default").inputs["spec"]["tracing"] == [{"disableSpanReporting": True}]


def test_passwords_are_generated_and_nowhere_in_the_open(dev: Recording) -> None:
    for name in ("grafana-password", "kiali-signing-key"):
        assert "value" in dev.one(name, ":Password").secret_outputs
    for name in ("grafana", "kiali-signing-key"):
        assert "stringData" in dev.one(name, ":Secret").secrets


def test_the_dashboards_are_known_by_their_digests_so_that_a_change_is_seen(dev: Recording) -> None:
    files = support.values(dev, "grafana")["files"]

    assert [each["name"] for each in files][:2] == ["istio-grafana-dashboards", "istio-services-grafana-dashboards"]
    assert all(len(digest) == 16 for each in files for digest in each["digests"].values())
    assert "control plane" not in json.dumps(support.values(dev, "grafana"))
