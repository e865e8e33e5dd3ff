"""What the addons are told, as it stands in the cluster, is understood by the programs that it is for."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.core.manifests import Manifest
from lab.toolchain import artifacts
from tests.observability import containers, programs
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
    programs.require_loki("`loki -verify-config` with the configuration that stands in the cluster")
    loki = Container.of(objects, "StatefulSet/loki", "loki", root=tmp_path / "root")
    loki.check("loki", *loki.arguments, "-verify-config")


@pytest.mark.usefixtures("_own_files")
def test_the_collector_understands_its_configuration(objects: Objects, tmp_path: Path) -> None:
    collector = Container.of(objects, "DaemonSet/log-collector", "log-collector", root=tmp_path / "root", node="any")
    collector.check("otelcol", "validate", *collector.arguments)


# --- Kiali, Grafana and often Loki cannot be had here: what they document stands for them ---

_LOKI = {
    "": {"auth_enabled"},
    "analytics": {"reporting_enabled", "usage_stats_url", "proxy_url"},
    "bloom_build": {"enabled", "builder.planner_address"},
    "bloom_gateway": {"enabled", "client.addresses"},
    "common": {"path_prefix", "replication_factor", "instance_addr", "compactor_address", "compactor_grpc_address"},
    "common.ring": {"kvstore.store", "instance_addr", "instance_port", "heartbeat_period", "heartbeat_timeout"},
    "common.storage.filesystem": {"chunks_directory", "rules_directory"},
    "compactor": {"working_directory", "compaction_interval", "retention_enabled", "delete_request_store"},
    "frontend": {"scheduler_address", "tail_proxy_url"},
    "frontend_worker": {"scheduler_address", "frontend_address"},
    "index_gateway": {"mode"},
    "limits_config": {
        "discover_service_name",
        "max_cache_freshness_per_query",
        "query_timeout",
        "reject_old_samples",
        "reject_old_samples_max_age",
        "retention_period",
        "split_queries_by_interval",
        "volume_enabled",
    },
    "limits_config.otlp_config.resource_attributes": {"ignore_defaults"},
    "limits_config.otlp_config.resource_attributes.attributes_config": {"action", "attributes", "regex"},
    "pattern_ingester": {"enabled"},
    "query_range": {"align_queries_with_step"},
    "ruler": {"storage.type", "wal.dir"},
    "runtime_config": {"file", "period"},
    "schema_config.configs": {"from", "store", "object_store", "schema", "index.path_prefix", "index.prefix"},
    "schema_config.configs.index": {"period"},
    "server": {"http_listen_port", "grpc_listen_port", "http_server_read_timeout", "http_server_write_timeout"},
    "storage_config": {"use_thanos_objstore", "bloom_shipper.working_directory"},
    "storage_config.boltdb_shipper.index_gateway_client": {"server_address"},
    "storage_config.hedging": {"at", "max_per_second", "up_to"},
    "storage_config.tsdb_shipper.index_gateway_client": {"server_address"},
    "tracing": {"enabled"},
}
"""What Loki's reference of its configuration knows, of the parts that the addon and the lab write."""

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


def test_loki_is_told_nothing_that_its_reference_does_not_know(objects: Objects) -> None:
    told = yaml.safe_load(_data(objects, "loki")["config.yaml"])
    known = {f"{group}.{key}".lstrip(".") for group, keys in _LOKI.items() for key in keys}
    assert set(_leaves(told, into_lists=True)) <= known
    # What Loki checks beyond the keys when it starts, of what the lab sets.
    assert told["common"]["ring"]["kvstore"]["store"] in {"consul", "etcd", "inmemory", "memberlist", "multi"}
    assert told["compactor"]["retention_enabled"]
    assert told["compactor"]["delete_request_store"] in {period["object_store"] for period in _periods(told)}
    assert int(told["limits_config"]["retention_period"].removesuffix("h")) >= 24
    (otlp,) = told["limits_config"]["otlp_config"]["resource_attributes"]["attributes_config"]
    assert otlp == {"action": "index_label", "attributes": ["namespace", "app", "pod", "container"]}
    # The index can go after whole periods only, which are of a day for TSDB.
    assert {(period["store"], period["index"]["period"]) for period in _periods(told)} == {("tsdb", "24h")}


def test_loki_finds_the_files_that_its_arguments_and_its_configuration_name(objects: Objects, tmp_path: Path) -> None:
    loki = Container.of(objects, "StatefulSet/loki", "loki", root=tmp_path / "root")
    (file,) = (each.removeprefix("-config.file=") for each in loki.arguments if each.startswith("-config.file="))
    told = yaml.safe_load((loki.root / file.lstrip("/")).read_text())
    assert (loki.root / told["runtime_config"]["file"].lstrip("/")).is_file()
    assert (loki.root / told["common"]["path_prefix"].lstrip("/")).is_dir()


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


def _periods(loki: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    periods: Sequence[Mapping[str, Any]] = loki["schema_config"]["configs"]
    return periods


def _leaves(node: object, path: Sequence[str] = (), *, into_lists: bool = False) -> Iterator[str]:
    """The paths of all values that are not mappings, nor lists of mappings if those are looked into."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key), into_lists=into_lists)
    elif into_lists and isinstance(node, list) and any(isinstance(each, dict) for each in node):
        for each in node:
            yield from _leaves(each, path, into_lists=True)
    else:
        yield ".".join(path)


def _values(node: object, key: str) -> Iterator[str]:
    """Every value of a key, however deep."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        if name == key:
            yield child
        yield from _values(child, key)
