"""The log collector: on every node, reading everything, changing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.common.addon import AddonContext
from components.observability import collector, collector_configuration, loki
from components.observability.collector import CollectorArgs
from tests.unit.components import support

Object = dict[str, Any]

CONTEXT = AddonContext(capabilities=support.EVERYTHING, depends_on=(), directory=Path())


@pytest.fixture(scope="module")
def objects() -> dict[str, Object]:
    return {each["kind"]: each for each in collector.compose(CollectorArgs(context=CONTEXT)).objects}


@pytest.fixture(scope="module")
def told(objects: dict[str, Object]) -> Object:
    parsed: Object = yaml.safe_load(objects["ConfigMap"]["data"]["collector.yaml"])
    return parsed


@pytest.fixture(scope="module")
def pod(objects: dict[str, Object]) -> Object:
    found: Object = objects["DaemonSet"]["spec"]["template"]["spec"]
    return found


def test_it_runs_on_every_linux_node_whatever_keeps_others_off(pod: Object) -> None:
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_it_is_not_part_of_the_mesh(objects: dict[str, Object]) -> None:
    labels = objects["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    assert labels["sidecar.istio.io/inject"] == "false"


def test_of_the_node_it_changes_only_its_own_folder(pod: Object) -> None:
    (container,) = pod["containers"]
    on_node = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert on_node & writable == {"storage"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]


def test_it_may_only_look_at_pods(objects: dict[str, Object]) -> None:
    (rule,) = objects["ClusterRole"]["rules"]
    assert rule == {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    (subject,) = objects["ClusterRoleBinding"]["subjects"]
    assert subject["name"] == objects["ServiceAccount"]["metadata"]["name"]
    assert objects["ClusterRoleBinding"]["roleRef"]["name"] == objects["ClusterRole"]["metadata"]["name"]


def test_a_change_of_its_configuration_replaces_its_pods() -> None:
    def checksum(loki: str) -> str:
        daemon_set = collector.compose(CollectorArgs(context=CONTEXT, loki=loki)).objects[-1]
        digest: str = daemon_set["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return digest

    assert checksum("http://one") == checksum("http://one") != checksum("http://other")


def test_its_own_memory_is_limited_before_the_containers(told: Object, pod: Object) -> None:
    (container,) = pod["containers"]
    assert told["processors"]["memory_limiter"]["limit_mib"] < int(container["resources"]["limits"]["memory"][:-2])
    assert told["service"]["pipelines"]["logs"]["processors"][0] == "memory_limiter"


def test_nothing_is_given_up_and_nothing_is_kept_in_memory_alone(told: Object) -> None:
    files, loki = told["receivers"]["file_log"], told["exporters"]["otlp_http"]
    assert files["storage"] == loki["sending_queue"]["storage"] == "file_storage"
    assert files["retry_on_failure"] == loki["retry_on_failure"] == {"enabled": True, "max_elapsed_time": "0s"}
    assert loki["sending_queue"]["block_on_overflow"]
    assert loki["sending_queue"]["queue_size"] > loki["sending_queue"]["batch"]["max_size"]
    assert "batch" not in told["processors"]


def test_loki_makes_labels_of_what_the_collector_sends_and_of_nothing_else() -> None:
    limits = loki.overlay("48h")["limits_config"]
    attributes = limits["otlp_config"]["resource_attributes"]
    assert attributes["ignore_defaults"]
    (indexed,) = attributes["attributes_config"]
    assert indexed == {"action": "index_label", "attributes": list(collector_configuration.LABELS)}
    assert limits["discover_service_name"] == []


def test_loki_keeps_lines_as_long_as_the_setting_says_and_tells_nobody() -> None:
    overlay = loki.overlay("72h")
    assert overlay["limits_config"]["retention_period"] == "72h"
    assert overlay["compactor"]["retention_enabled"]
    assert overlay["analytics"] == {"reporting_enabled": False}
