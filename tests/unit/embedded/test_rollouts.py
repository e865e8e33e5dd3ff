"""The controller of Argo Rollouts beside a control plane, as far as it can be seen without one."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from lab import toolchain
from lab.adapters import process as door
from lab.adapters.stack import Stack
from lab.core.errors import LabError
from lab.platforms.embedded import login, rollouts
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.ports import Ports
from lab.platforms.embedded.rollouts import RolloutsController
from lab.services import lifecycle

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psutil

REPORTS = """#!/usr/bin/env python3
import json, os, pathlib, sys, time
names = {name for name in os.environ if name == "POD_NAMESPACE" or name.lower().endswith("_proxy")}
told = {"arguments": sys.argv[1:], "environment": {name: os.environ[name] for name in names if os.environ[name]}}
pathlib.Path("told.new").write_text(json.dumps(told))
os.rename("told.new", "told.json")
time.sleep(60)
"""
FAILS = """#!/bin/sh
echo "no such cluster"
exit 1
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RolloutsController]:
    """A controller that is none yet, and whose process ends with the test."""
    started: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(door, "_DETACHED", started)
    yield RolloutsController(control_plane=ControlPlane(directory=tmp_path / "lab", ports=Ports.allocate()))
    rollouts.stop(tmp_path / "lab")
    for each in started:
        each.wait(5)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has something else take the controller's place."""

    def program(text: str) -> None:
        file = tmp_path / "rollouts-controller"
        file.write_text(text)
        file.chmod(0o755)

    monkeypatch.setattr(toolchain, "path", lambda name: tmp_path / name)
    return program


def looks_like(lab: RolloutsController, spawn: Callable[..., psutil.Process]) -> psutil.Process:
    mark = f"--kubeconfig={lab.control_plane.kubeconfig}"
    child = spawn("/bin/sh", "-c", "echo ready; while :; do sleep 0.05; done", mark)
    pid_file = pid_file_of(lab)
    pid_file.parent.mkdir(parents=True)
    pid_file.write_text(str(child.pid))
    return child


@pytest.fixture
def process(lab: RolloutsController, spawn: Callable[..., psutil.Process]) -> psutil.Process:
    """Something that looks like this lab's controller."""
    return looks_like(lab, spawn)


def pid_file_of(lab: RolloutsController) -> Path:
    return lab.control_plane.directory / "rollouts" / "controller.pid"


def told(lab: RolloutsController) -> dict[str, Any]:
    """What the process was told at its start."""
    file = lab.control_plane.directory / "rollouts" / "told.json"
    deadline = time.monotonic() + 5
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_it_works_for_this_cluster_alone_and_opens_no_port(
    lab: RolloutsController, program: Callable[[str], None]
) -> None:
    program(REPORTS)
    lab.start()
    options = dict(each.removeprefix("--").split("=", 1) for each in told(lab)["arguments"])

    assert options["kubeconfig"] == str(lab.control_plane.kubeconfig)
    assert options["leader-elect"] == "false", "nobody else is there, and a lease would have to run out first"
    assert {int(value) > 65535 for name, value in options.items() if name.endswith("Port")} == {True}
    assert {name for name in options if name.endswith("Port")} == {"healthzPort", "metricsPort"}


def test_what_it_asks_of_prometheus_reaches_the_one_on_this_machine_whatever_the_user_has(
    lab: RolloutsController, program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.test:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    program(REPORTS)
    lab.start()

    password = login.password(lab.control_plane.directory)
    assert told(lab)["environment"] == {
        "POD_NAMESPACE": "argo-rollouts",
        "HTTP_PROXY": f"http://lab:{password}@127.0.0.1:{lab.control_plane.ports.prometheus}",
    }


def test_once_started_it_runs(lab: RolloutsController, program: Callable[[str], None]) -> None:
    program(REPORTS)
    assert not lab.healthy

    lab.start()

    assert (lab.health(), lab.healthy) == ("running", True)


def test_started_again_it_is_another_process(
    lab: RolloutsController, process: psutil.Process, program: Callable[[str], None]
) -> None:
    program(REPORTS)
    lab.start()

    assert process.wait(1) != 0
    assert int(pid_file_of(lab).read_text()) != process.pid
    assert lab.healthy


def test_one_that_ends_at_once_is_an_error_with_its_last_words(
    lab: RolloutsController, program: Callable[[str], None]
) -> None:
    program(FAILS)

    with pytest.raises(LabError, match="ended at once: no such cluster") as error:
        lab.start()
    assert error.value.remedy == f"its log is {pid_file_of(lab).with_suffix('.log')}"
    assert not lab.healthy


def test_without_a_process_it_is_dead(lab: RolloutsController) -> None:
    assert (lab.health(), lab.healthy) == ("dead", False)


def test_the_process_of_another_lab_is_not_its_own(
    lab: RolloutsController, process: psutil.Process, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "rollouts" / "controller.pid"
    other.parent.mkdir(parents=True)
    other.write_text(str(process.pid))

    rollouts.stop(tmp_path / "other")

    assert not other.exists()
    assert process.is_running()
    assert lab.healthy


def test_stopping_ends_the_process_and_forgets_its_pid(lab: RolloutsController, process: psutil.Process) -> None:
    rollouts.stop(lab.control_plane.directory)

    assert process.wait(1) != 0
    assert lab.health() == "dead"
    assert not pid_file_of(lab).exists()


def test_stopping_what_does_not_run_is_no_trouble(lab: RolloutsController) -> None:
    rollouts.stop(lab.control_plane.directory)
    rollouts.stop(lab.control_plane.directory)


def test_a_lab_that_is_swept_away_leaves_no_controller_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawn: Callable[..., psutil.Process]
) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    stack = Stack("dev")
    plane = ControlPlane(directory=stack.directory, ports=Ports.allocate())
    left = RolloutsController(control_plane=plane)
    child = looks_like(left, spawn)

    lifecycle.sweep(stack)

    assert child.wait(1) != 0
    assert not left.healthy


def test_a_frozen_controller_is_noticed(
    lab: RolloutsController, process: psutil.Process, eventually: Callable[..., bool]
) -> None:
    assert lab.healthy
    process.suspend()
    assert eventually(lambda: lab.health() == "frozen")
    assert not lab.healthy
