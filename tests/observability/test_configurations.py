"""What the addons are told, as it stands in the cluster, is understood by the programs that it is for."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.core.manifests import Manifest
from lab.toolchain import artifacts
from tests.observability import containers
from tests.observability.containers import Container

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.engine.laboratory import Laboratory

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def objects(standing: Laboratory) -> Objects:
    return containers.of_cluster(standing)


@pytest.mark.usefixtures("_own_files")
def test_prometheus_understands_its_configuration_and_its_rules(
    standing: Laboratory, objects: Objects, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    server = Container.of(objects, "Deployment/prometheus", "prometheus-server", root=root).in_cluster(standing)
    server.check("promtool", "check", "config", "/etc/config/prometheus.yml")
    rules = yaml.safe_load((root / "etc/config/prometheus.yml").read_text())["rule_files"]
    server.check("promtool", "check", "rules", "--lint-fatal", *rules)


@pytest.mark.usefixtures("_own_files")
def test_loki_understands_its_configuration(objects: Objects, tmp_path: Path) -> None:
    loki = Container.of(objects, "StatefulSet/loki", "loki", root=tmp_path / "root")
    loki.check("loki", *loki.arguments, "-verify-config")


@pytest.mark.usefixtures("_own_files")
def test_the_collector_understands_its_configuration(objects: Objects, tmp_path: Path) -> None:
    collector = Container.of(objects, "DaemonSet/log-collector", "log-collector", root=tmp_path / "root", node="any")
    collector.check("otelcol", "validate", *collector.arguments)


# --- Kiali and Grafana cannot be had here: what they document stands for them ---

_AUTH = {"type", "username", "password", "token", "use_kiali_token", "insecure_skip_verify", "ca_file"}
_KIALI = {
    "auth": {"strategy"},
    "login_token": {"signing_key", "expiration_seconds"},
    "external_services.prometheus": {"enabled", "url", "auth", "health_check_url", "query_scope", "thanos_proxy"},
    "external_services.grafana": {"enabled", "internal_url", "external_url", "auth", "dashboards", "datasource_uid"},
    "external_services.grafana.auth": _AUTH,
    "external_services.tracing": {"enabled", "internal_url", "external_url", "auth", "provider", "use_grpc"},
}
"""What Kiali's reference of its configuration knows, of the parts that the lab writes."""

_DATA_SOURCE = {"uid", "name", "type", "access", "url", "orgId", "isDefault", "editable", "jsonData", "version"}
_JSON_DATA = {
    "prometheus": {"timeInterval", "httpMethod", "exemplarTraceIdDestinations", "prometheusType", "manageAlerts"},
    "loki": {"derivedFields", "maxLines", "manageAlerts"},
    "jaeger": {"tracesToLogsV2", "tracesToMetrics", "nodeGraph", "spanBar", "traceIdTimeParams"},
}
_PROVIDER = {"name", "orgId", "folder", "type", "disableDeletion", "editable", "options", "updateIntervalSeconds"}
"""What Grafana's documentation of provisioning knows."""

_INI = {
    "analytics": {"check_for_updates", "check_for_plugin_updates", "reporting_enabled"},
    "grafana_net": {"url"},
    "log": {"mode"},
    "paths": {"data", "logs", "plugins", "provisioning"},
    "server": {"domain", "root_url", "serve_from_sub_path"},
}
"""Of Grafana's own defaults.ini, the keys that the addon and the lab set."""


def test_kiali_is_told_nothing_that_neither_its_addon_nor_its_reference_knows(objects: Objects) -> None:
    addon = yaml.safe_load(
        Manifest(artifacts.path("addon-kiali.yaml")).one("ConfigMap", "kiali")["data"]["config.yaml"]
    )
    told = yaml.safe_load(_data(objects, "kiali")["config.yaml"])
    known = {f"{group}.{key}" for group, keys in _KIALI.items() for key in keys}
    assert set(_leaves(told)) - set(_leaves(addon)) <= known
    assert told["external_services"]["tracing"]["provider"] in {"jaeger", "tempo"}
    assert told["auth"]["strategy"] in {"anonymous", "header", "openid", "openshift", "token"}


def test_grafanas_data_sources_are_of_a_form_that_it_documents(objects: Objects) -> None:
    provisioned = yaml.safe_load(_data(objects, "grafana")["datasources.yaml"])
    assert provisioned["apiVersion"] == 1
    sources = {source["uid"]: source for source in provisioned["datasources"]}
    assert sources.keys() == {"prometheus", "loki", "jaeger"}
    assert [uid for uid, source in sources.items() if source["isDefault"]] == ["prometheus"]
    for source in sources.values():
        assert source.keys() <= _DATA_SOURCE
        assert source["jsonData"].keys() <= _JSON_DATA[source["type"]]
    linked = {uid for source in sources.values() for uid in _values(source["jsonData"], "datasourceUid")}
    assert linked <= sources.keys()


def test_grafana_reads_dashboards_where_they_are_mounted(objects: Objects) -> None:
    providers = yaml.safe_load(_data(objects, "grafana")["dashboardproviders.yaml"])["providers"]
    pods = [
        each["spec"]["template"]["spec"] for each in objects if each["metadata"]["name"] == "grafana" and "spec" in each
    ]
    (grafana,) = pods[0]["containers"]
    mounted = {mount["mountPath"] for mount in grafana["volumeMounts"]}
    for provider in providers:
        assert provider.keys() <= _PROVIDER
        assert provider["options"]["path"] in mounted
    assert len({provider["name"] for provider in providers}) == len(providers)


def test_grafanas_main_configuration_has_only_keys_that_its_defaults_have(objects: Objects) -> None:
    ini = configparser.RawConfigParser()
    ini.read_string(_data(objects, "grafana")["grafana.ini"])
    for section in ini.sections():
        assert set(ini.options(section)) <= _INI[section], section


def _data(objects: Objects, config_map: str) -> Mapping[str, str]:
    data: Mapping[str, str] = next(
        each["data"] for each in objects if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", config_map)
    )
    return data


def _leaves(node: object, path: Sequence[str] = ()) -> Iterator[str]:
    """The paths of all values that are not mappings."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    else:
        yield ".".join(path)


def _values(node: object, key: str) -> Iterator[str]:
    """Every value of a key, however deep."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        if name == key:
            yield child
        yield from _values(child, key)
