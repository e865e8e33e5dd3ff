"""References in a Pod's variables lead where a kubelet finds them, and what leads nowhere is told in its words."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lab.platforms.dataplane import pods, references
from lab.platforms.dataplane.api import Api
from lab.platforms.dataplane.references import UnresolvedError
from tests.unit.dataplane.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

OBJECTS = {"config": {"A": "1", "B": "2"}, "empty": {}}


def resolved(
    *env: dict[str, Any], cluster: Cluster | None = None, volumes: Sequence[object] = (), **container: object
) -> dict[str, str]:
    resources = {"limits": {"cpu": "1500m", "memory": "1Gi"}, "requests": {"memory": "100M"}}
    spec = {
        "containers": [
            {"name": "istio-proxy"},
            {"name": "order", "env": list(env), "resources": resources, **container},
        ],
        "initContainers": [{"name": "first", "resources": {"limits": {"cpu": "2"}}}],
        "nodeName": "node-1",
        "serviceAccountName": "account",
        "volumes": list(volumes),
    }
    metadata = {
        "uid": "uid-1",
        "name": "order-1",
        "namespace": "shop",
        "labels": {"app": "order"},
        "annotations": {"a.b/c": "text"},
    }
    status = {"podIP": "10.0.0.9", "hostIP": "192.0.2.2", "phase": "Running"}
    pod = pods.running({"metadata": metadata, "spec": spec, "status": status})
    assert pod is not None
    return asyncio.run(references.resolve(pod, cluster or Cluster(OBJECTS)))


def one(**source: object) -> str | None:
    return resolved({"name": "X", "valueFrom": source}).get("X")


@pytest.mark.parametrize("kind", ["configMapKeyRef", "secretKeyRef"])
def test_a_key_of_an_object(kind: str) -> None:
    assert one(**{kind: {"name": "config", "key": "A"}}) == "1"
    assert one(**{kind: {"name": "config", "key": "no", "optional": True}}) is None
    assert one(**{kind: {"name": "no", "key": "A", "optional": True}}) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"configMapKeyRef": {"name": "no", "key": "A"}}, 'configmap "no" not found'),
        ({"secretKeyRef": {"name": "no", "key": "A"}}, 'secret "no" not found'),
        ({"configMapKeyRef": {"name": "config", "key": "C"}}, "couldn't find key C in ConfigMap shop/config"),
        ({"secretKeyRef": {"name": "config", "key": "C"}}, "couldn't find key C in Secret shop/config"),
        ({"fieldRef": {"fieldPath": "spec.hostname"}}, "unsupported fieldPath: spec.hostname"),
        ({"resourceFieldRef": {"resource": "limits.cpu", "containerName": "no"}}, "unsupported resource: limits.cpu"),
        ({"resourceFieldRef": {"resource": "cpu"}}, "unsupported resource: cpu"),
        ({"fileKeyRef": {"path": "/etc/passwd"}}, "unsupported reference: fileKeyRef"),
    ],
)
def test_what_leads_nowhere_is_told(source: dict[str, Any], said: str) -> None:
    with pytest.raises(UnresolvedError) as error:
        one(**source)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "order-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "uid-1"),
        ("metadata.labels['app']", "order"),
        ("metadata.labels['no']", ""),
        ("metadata.annotations['a.b/c']", "text"),
        ("spec.nodeName", "node-1"),
        ("spec.serviceAccountName", "account"),
        ("status.podIP", "10.0.0.9"),
        ("status.hostIP", "192.0.2.2"),
    ],
)
def test_a_field_of_the_pod(path: str, value: str) -> None:
    assert one(fieldRef={"fieldPath": path}) == value


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "limits.cpu", "containerName": "first"}, "2"),
        ({"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "limits.memory", "containerName": "istio-proxy"}, str(16 * 2**30)),
        ({"resource": "requests.memory", "divisor": "0"}, "100000000"),
        ({"resource": "requests.cpu"}, "0"),
    ],
)
def test_a_limit_or_a_request(reference: dict[str, str], value: str) -> None:
    assert one(resourceFieldRef=reference) == value


def test_all_entries_of_objects_come_first_and_the_pods_own_variables_win() -> None:
    found = resolved(
        {"name": "B", "value": "$(A)-$(none)-$$(A)-$(P_B)-$"},
        {"name": "EMPTY"},
        envFrom=[
            {"configMapRef": {"name": "config"}},
            {"prefix": "P_", "secretRef": {"name": "config"}},
            {"configMapRef": {"name": "no", "optional": True}},
        ],
    )
    assert found == {"A": "1", "B": "1-$(none)-$(A)-2-$", "P_A": "1", "P_B": "2", "EMPTY": ""}


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_entries_of_an_object_that_is_not_there(kind: str) -> None:
    with pytest.raises(UnresolvedError, match=f'^{kind.lower()} "no" not found$'):
        resolved(envFrom=[{f"{kind}Ref": {"name": "no"}}])


@pytest.mark.parametrize(("kind", "key"), [("configMap", "name"), ("secret", "secretName")])
def test_a_mounted_object_that_is_not_there(kind: str, key: str) -> None:
    volume = {"name": "v", kind: {key: "no"}}
    mounts = [{"name": "v", "mountPath": "/v"}]
    with pytest.raises(UnresolvedError, match=rf'^MountVolume.SetUp failed for volume "v": {kind.lower()} "no" not'):
        resolved(volumes=[volume], volumeMounts=mounts)

    assert resolved(volumes=[volume]) == {}
    assert resolved(volumes=[{"name": "v", kind: {key: "no", "optional": True}}], volumeMounts=mounts) == {}


def test_variables_that_double_are_refused_before_they_fill_the_memory() -> None:
    laughs = [{"name": f"V{number}", "value": f"$(V{number - 1})" * 10} for number in range(1, 10_000)]
    with pytest.raises(UnresolvedError, match=r"^argument list too long"):
        resolved({"name": "V0", "value": "x" * 100}, *laughs)


def test_ten_thousand_variables_are_no_trouble() -> None:
    assert len(resolved(*({"name": f"V{number}", "value": "x"} for number in range(10_000)))) == 10_000


def test_each_object_is_read_once() -> None:
    cluster = Cluster(OBJECTS)
    keys = [{"name": f"V{n}", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "A"}}} for n in range(100)]
    resolved(*keys, cluster=cluster)

    assert cluster.asked == ["config"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("100m", Decimal("0.1")), ("1.5Gi", 1610612736), ("2k", 2000), ("1e3", 1000), ("3E", 3 * 10**18)],
)
def test_quantities(text: str, value: object) -> None:
    assert references.quantity(text) == value


@pytest.mark.parametrize("text", ["", "x", "1x", "ki", "1ki", "1.2.3", "1e9999", "9" * 5000 + "x"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(UnresolvedError, match=r"^unsupported quantity"):
        references.quantity(text)


@pytest.mark.parametrize(
    "name", ["../secrets/x", "..%2Fsecrets%2Fx", "a?watch=1", "a/b", "--raw=/", "", "A", "a" * 254]
)
def test_a_name_that_no_object_can_have_is_asked_of_nobody(name: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/api/v1/namespaces/shop/configmaps/config"
        return httpx.Response(200, text=json.dumps({"data": {"A": "1"}}))

    api = Api(httpx.AsyncClient(base_url="http://api", transport=httpx.MockTransport(answer)))
    assert asyncio.run(api.config_map("shop", name)) is None
    assert asyncio.run(api.config_map("shop", "config")) == {"A": "1"}
