"""The shop on a lab that stands: its configuration, and how its Pods are replaced. Real engine, real controllers."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

NAMESPACES = ("shop", "tutorial")
ROLL = 30.0
"""Seconds until a roll has come to its end. Pulumi goes on when the first new Pod is ready: the rest is replaced Pod by
Pod, each of which has to start, to be ready, and to count two seconds later."""
REPLICAS = {"shop": 2, "tutorial": 1}


@contextlib.contextmanager
def configured(laboratory: Laboratory, **shop: object) -> Iterator[str]:
    """A lab that stands with other settings, and at the end with those it had; gives what `up` said."""
    settings = laboratory.project / "Pulumi.dev.yaml"
    before = settings.read_text()
    config = yaml.safe_load(before)
    config["config"]["istio-lab:shop"] = shop
    try:
        settings.write_text(yaml.safe_dump(config))
        yield laboratory.pulumi("up", "--yes", "--skip-preview", "--json").succeeded().output
    finally:
        settings.write_text(before)
        laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()


class Watched:
    """Every state that order's Deployment of a namespace was in while a block lasted."""

    def __init__(self, laboratory: Laboratory, namespace: str) -> None:
        self.states: list[dict[str, Any]] = []
        self._process = laboratory.start("kubectl", "get", "deployment", "order", "-n", namespace, "-o", "json", "-w")
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.terminate()
            self._reader.join()

    def _read(self) -> None:
        decoder, text = json.JSONDecoder(), ""
        for line in self._process.stdout or ():
            text += line
            with contextlib.suppress(ValueError):
                found, end = decoder.raw_decode(text)
                self.states.append(found["status"])
                text = text[end:].lstrip()


def changed(said: str) -> dict[str, str]:
    """What an update did to what it did not leave as it was, by type and name, from its event log."""
    events = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    steps = (event["resOutputsEvent"]["metadata"] for event in events if "resOutputsEvent" in event)
    return {
        f"{step['type']} {step['urn'].rsplit('::', 1)[-1]}": step["op"]
        for step in steps
        if step["op"] not in {"same", "read"}
    }


def replica_sets(laboratory: Laboratory, namespace: str, app: str) -> list[dict[str, Any]]:
    """An application's ReplicaSets when a single one has Pods, or after so long that it should have been."""
    deadline = time.monotonic() + ROLL
    while True:
        found: list[dict[str, Any]] = laboratory.get("replicasets", "-n", namespace, "-l", f"app={app}")["items"]
        if sum(each["spec"]["replicas"] > 0 for each in found) == 1 or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def available(states: list[dict[str, Any]]) -> list[int]:
    return [state.get("availableReplicas", 0) for state in states]


def test_another_log_level_changes_the_config_maps_and_the_pods_that_use_them_and_no_request_waits(
    standing: Laboratory,
) -> None:
    with contextlib.ExitStack() as stack:
        watched = {namespace: stack.enter_context(Watched(standing, namespace)) for namespace in NAMESPACES}
        said = stack.enter_context(configured(standing, order={"logLevel": "INFO"}))
        levels = {
            namespace: standing.get("configmap", "config-dev", "-n", namespace)["data"]["ORDER_LOG_LEVEL"]
            for namespace in ("default", *NAMESPACES)
        }
        sets = {namespace: replica_sets(standing, namespace, "order") for namespace in NAMESPACES}

    assert changed(said) == {
        "kubernetes:core/v1:ConfigMap config-dev-default": "update",
        "kubernetes:core/v1:ConfigMap config-dev-shop": "update",
        "kubernetes:core/v1:ConfigMap config-dev-tutorial": "update",
        "kubernetes:apps/v1:Deployment shop-order": "update",
        "kubernetes:apps/v1:Deployment tutorial-order": "update",
    }
    assert set(levels.values()) == {"INFO"}
    for namespace, replicas in REPLICAS.items():
        assert sorted(each["spec"]["replicas"] for each in sets[namespace]) == [0, replicas], "one took over"
        assert len(watched[namespace].states) > replicas, "the roll was seen"
        assert min(available(watched[namespace].states)) == replicas, "never one less than there should be"


def test_a_former_image_comes_back_by_its_tag(standing: Laboratory) -> None:
    def revisions() -> dict[str, str]:
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"]: each["metadata"]["name"]
            for each in replica_sets(standing, "shop", "delivery")
            if each["spec"]["replicas"]
        }

    first = revisions()
    with configured(standing, delivery={"image": "delivery:v2"}):
        assert set(revisions()) == {"delivery:v2"}

    assert revisions() == first, "the very ReplicaSet of before, so nothing is started that was not tried"


def test_the_databases_password_is_generated_and_nowhere_in_the_open(standing: Laboratory) -> None:
    passwords = {
        base64.b64decode(value).decode()
        for name in ("config-dev", "mysql")
        for value in standing.get("secret", name, "-n", "shop")["data"].values()
    }
    state = standing.export()
    logs = "".join(log.read_text(errors="replace") for log in (standing.project / ".lab").rglob("*.log*"))
    config_maps = json.dumps(standing.get("configmaps", "-A"))
    pods = json.dumps(standing.get("pods", "-A"))

    assert len(passwords) == 2
    for password in passwords:
        assert len(password) >= 24
        assert [place for place in (state, logs, config_maps, pods) if password in place] == []


def test_the_pods_of_order_have_the_variables_of_the_notes(standing: Laboratory) -> None:
    (pod, *_) = standing.get("pods", "-n", "shop", "-l", "app=order")["items"]
    (order,) = (each for each in pod["spec"]["containers"] if each["name"] == "order")
    (source,) = (each["configMapRef"]["name"] for each in order["envFrom"])
    config = standing.get("configmap", source, "-n", "shop")["data"]
    secret = {each["name"] for each in order["env"] if "secretKeyRef" in each.get("valueFrom", {})}

    assert {*config, *secret} == {"ORDER_DB_URL", "ORDER_DB_USER", "ORDER_DB_PASS", "ORDER_LOG_LEVEL"}
    assert config["ORDER_DB_URL"].startswith("jdbc:mysql://mysql:3306/connectdb1?")


def test_istio_finds_nothing_wrong_with_the_shop(standing: Laboratory) -> None:
    assert "No validation issues found" in standing.istioctl("analyze", "-n", "shop").succeeded().output
