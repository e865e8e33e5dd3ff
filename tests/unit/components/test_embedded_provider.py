"""How the engine finds a control plane dead, heals it, or makes another. The control plane here only pretends."""

from __future__ import annotations

import dataclasses
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from components.platform import embedded_provider
from components.platform.embedded_provider import (
    ControlPlaneProvider,
    DataPlaneProvider,
    IstiodProvider,
    RolloutsControllerProvider,
)
from lab.core.errors import LabError
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from pathlib import Path

NODES = {"count": 3, "zones": 3, "cpu": 4, "memory": "16Gi"}
HEALTHY = {"etcd": "running", "kube-apiserver": "running"}


@dataclasses.dataclass
class Pretender:
    """A control plane and its istiod, and what was done to them."""

    directory: Path
    exists: bool = True
    states: dict[str, str] = dataclasses.field(default_factory=lambda: dict(HEALTHY))
    istiod: str = "running"
    done: list[str] = dataclasses.field(default_factory=list)
    brought: list[str] = dataclasses.field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    def require_data(self) -> None:
        if not self.exists:
            raise LabError("the data is gone")

    def health(self) -> dict[str, str]:
        return self.states

    def processes(self) -> dict[str, str]:
        return self.states

    @property
    def healthy(self) -> bool:
        return self.states == HEALTHY

    def create(self, nodes: Any) -> None:  # noqa: ANN401 - a NodeSpec
        self.done.append(f"create {nodes.count}")

    def start(self) -> None:
        self.done.append("start")
        self.states = dict(HEALTHY)

    def apply_nodes(self, nodes: Any) -> None:  # noqa: ANN401 - a NodeSpec
        self.done.append(f"nodes {nodes.count}")

    def remove_surplus_nodes(self, nodes: Any) -> None:  # noqa: ANN401 - a NodeSpec
        self.done.append(f"no more than {nodes.count}")


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretender:
    pretender = Pretender(tmp_path)
    pretender.kubeconfig.write_text("credentials")
    monkeypatch.setattr("lab.platforms.embedded.control_plane.ControlPlane", lambda **_: pretender)
    monkeypatch.setattr("lab.toolchain.ensure", lambda tools, **_: pretender.brought.extend(tools))
    return pretender


@pytest.fixture
def props(plane: Pretender) -> dict[str, Any]:
    """As the engine hands them over: its wire format has no integers."""
    return {
        "directory": str(plane.directory),
        "version": "1.36.3",
        "nodes": {key: float(value) if isinstance(value, int) else value for key, value in NODES.items()},
        "ports": {key: float(value) for key, value in dataclasses.asdict(Ports.allocate()).items()},
    }


def test_a_new_lab_chooses_its_ports_before_anything_is_made() -> None:
    checked = ControlPlaneProvider().check({}, {"ports": None})

    assert Ports(**checked.inputs["ports"])
    assert checked.failures == []


def test_an_existing_lab_keeps_its_ports(props: dict[str, Any]) -> None:
    checked = ControlPlaneProvider().check(props, {**props, "ports": None})

    assert checked.inputs["ports"] == props["ports"]


def test_a_lab_from_before_a_port_was_needed_gets_it_and_keeps_the_others(props: dict[str, Any]) -> None:
    before = {name: port for name, port in props["ports"].items() if name != "metrics_server"}

    checked = ControlPlaneProvider().check({**props, "ports": before}, {**props, "ports": None})

    chosen = checked.inputs["ports"]
    assert {name: port for name, port in chosen.items() if name != "metrics_server"} == before
    assert chosen["metrics_server"]


def test_a_lab_as_it_was_left_has_nothing_to_do(props: dict[str, Any]) -> None:
    wanted = {**props, "nodes": NODES}

    found = ControlPlaneProvider().diff("id", props, wanted)

    assert (found.changes, found.replaces) == (False, [])


@pytest.mark.parametrize("state", ["dead", "frozen", "not ready"])
def test_a_component_that_does_not_run_is_healed_and_nothing_is_lost(
    plane: Pretender, props: dict[str, Any], state: str
) -> None:
    plane.states["etcd"] = state

    found = ControlPlaneProvider().diff("id", props, props)
    ControlPlaneProvider().update("id", props, props)

    assert (found.changes, found.replaces) == (True, [])
    assert plane.done == ["start", "nodes 3", "no more than 3"]


def test_lost_data_is_never_taken_for_a_healthy_lab(plane: Pretender, props: dict[str, Any]) -> None:
    plane.exists = False

    with pytest.raises(LabError):
        ControlPlaneProvider().diff("id", props, props)
    assert plane.done == []


@pytest.mark.parametrize("key", ["directory", "version"])
def test_another_folder_or_version_means_another_cluster(props: dict[str, Any], key: str) -> None:
    found = ControlPlaneProvider().diff("id", props, {**props, key: "another"})

    assert (found.changes, found.replaces) == (True, [key])
    assert found.delete_before_replace, "both would want the same ports"


def test_more_nodes_are_added_without_a_restart(plane: Pretender, props: dict[str, Any]) -> None:
    wanted = {**props, "nodes": {**NODES, "count": 5}}

    found = ControlPlaneProvider().diff("id", props, wanted)
    ControlPlaneProvider().update("id", props, wanted)

    assert (found.changes, found.replaces) == (True, [])
    assert plane.done == ["nodes 5", "no more than 5"]


def test_each_new_cluster_is_another_one(plane: Pretender, props: dict[str, Any]) -> None:
    first, second = (ControlPlaneProvider().create(props) for _ in range(2))

    assert first.id != second.id, "or what was inside the old one would be believed to be in the new one"
    assert first.outs
    assert first.outs["kubeconfig"] == "credentials"
    assert plane.done == ["create 3"] * 2


def test_a_refresh_tells_of_dead_components(plane: Pretender, props: dict[str, Any]) -> None:
    plane.states["etcd"] = "dead"

    found = ControlPlaneProvider().read("id", props)

    assert found.outs
    assert (found.id, found.outs["components"]["etcd"]) == ("id", "dead")


@pytest.mark.parametrize(
    ("state", "changes"), [("running", False), ("dead", True), ("frozen", True), ("not ready", True)]
)
def test_an_istiod_that_does_not_serve_is_started_again(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, state: str, *, changes: bool
) -> None:
    monkeypatch.setattr("lab.platforms.embedded.istiod.Istiod.health", lambda _self: state)
    given = {"directory": props["directory"], "ports": props["ports"]}

    assert IstiodProvider().diff("istiod", given, given).changes is changes


@pytest.mark.parametrize(
    ("state", "changes"), [("running", False), ("dead", True), ("network namespaces are Linux's", False)]
)
def test_a_data_plane_that_ended_is_started_again_where_there_can_be_one(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, state: str, *, changes: bool
) -> None:
    monkeypatch.setattr("lab.platforms.dataplane.lifecycle.DataPlane.health", lambda _self: state)
    given = {"directory": props["directory"], "ports": props["ports"], "metrics": False}

    assert DataPlaneProvider().diff("data-plane", given, given).changes is changes


def test_a_data_plane_that_is_to_count_requests_is_started_anew(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.platforms.dataplane.lifecycle.DataPlane.health", lambda _self: "running")
    before = {"directory": props["directory"], "ports": props["ports"]}

    assert not DataPlaneProvider().diff("data-plane", before, {**before, "metrics": False}).changes
    assert DataPlaneProvider().diff("data-plane", before, {**before, "metrics": True}).changes


def test_each_resource_brings_the_programs_that_it_runs(
    props: dict[str, Any], plane: Pretender, monkeypatch: pytest.MonkeyPatch
) -> None:
    ControlPlaneProvider().create(props)
    created = list(plane.brought)
    plane.brought.clear()
    ControlPlaneProvider().update("id", props, props)

    assert {"etcd", "kube-apiserver", "kwokctl", "kubectl"} <= set(created)
    assert plane.brought == created

    for possible, brought in (("", True), ("no namespaces here", False)):
        monkeypatch.setattr("lab.platforms.dataplane.lifecycle.unavailable", lambda why=possible: why)
        monkeypatch.setattr("lab.platforms.dataplane.lifecycle.DataPlane.start", lambda _self: None)
        monkeypatch.setattr("lab.platforms.dataplane.lifecycle.DataPlane.health", lambda _self: "running")
        plane.brought.clear()
        DataPlaneProvider().create({**props, "metrics": True})
        assert ("prometheus" in plane.brought) is brought


def test_a_data_plane_goes_on_as_it_is_when_there_is_no_prometheus_to_count_with(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure(tools: list[str], **_: object) -> None:
        if "prometheus" in tools:
            raise LabError("No source has prometheus.")

    def start(_plane: object) -> None:
        raise AssertionError("it was ended, and the one to come cannot begin")

    monkeypatch.setattr("lab.toolchain.ensure", ensure)
    monkeypatch.setattr("lab.platforms.dataplane.lifecycle.unavailable", str)
    monkeypatch.setattr("lab.platforms.dataplane.lifecycle.DataPlane.start", start)

    with pytest.raises(LabError, match="No source has prometheus"):
        DataPlaneProvider().update("data-plane", props, {**props, "metrics": True})


@pytest.mark.parametrize(("state", "changes"), [("running", False), ("dead", True)])
def test_a_controller_of_rollouts_that_ended_is_started_again(
    props: dict[str, Any], monkeypatch: pytest.MonkeyPatch, state: str, *, changes: bool
) -> None:
    monkeypatch.setattr("lab.platforms.embedded.rollouts.RolloutsController.health", lambda _self: state)
    given = {"directory": props["directory"], "ports": props["ports"]}

    assert RolloutsControllerProvider().diff("rollouts-controller", given, given).changes is changes


def test_a_lab_that_lacks_a_port_is_given_it_without_harm(props: dict[str, Any]) -> None:
    before = {**props, "ports": {name: port for name, port in props["ports"].items() if name != "ingress_http"}}

    found = ControlPlaneProvider().diff("id", before, props)

    assert found.changes
    assert not found.replaces


@pytest.mark.parametrize(
    "provider", [ControlPlaneProvider, DataPlaneProvider, IstiodProvider, RolloutsControllerProvider]
)
def test_the_state_carries_hardly_any_code(provider: type) -> None:
    assert len(pickle.dumps(provider())) < 200
    assert "lab" not in vars(embedded_provider), "what it works with is imported when it works"
