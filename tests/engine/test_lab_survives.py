"""A lab that was hurt is healed by the next `up`, and one that is taken down leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml

from lab.platforms.embedded.control_plane import COMPONENTS

if TYPE_CHECKING:
    from tests.engine.laboratory import Laboratory


_LINES_OF_AN_UP = 120
"""The most that a log gets of an update from nothing."""

_WHOLE_OUTPUT = "All that pulumi printed is in "

OWNERS = {"istiod": "istiod-process", "rollouts-controller": "rollouts-process"}
"""Resources by the host process that each of them owns alone."""


@pytest.mark.parametrize("process", [*COMPONENTS, *OWNERS])
def test_a_killed_process_is_noticed_and_healed_and_nothing_is_lost(standing: Laboratory, process: str) -> None:
    mine = f"mine-{process}"
    standing.kubectl("create", "configmap", mine).succeeded()
    standing.kill(process)
    owner = OWNERS.get(process, "control-plane")
    assert f"{owner} update" in standing.pulumi("preview").output
    standing.lab("up").succeeded()
    standing.kubectl("get", "configmap", mine).succeeded()
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()
    standing.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=30s").succeeded()


def test_refresh_tells_the_truth(standing: Laboratory) -> None:
    standing.kill("kube-scheduler")
    standing.pulumi("refresh", "--yes", "--skip-preview").succeeded()
    [plane] = [entry for entry in standing.state() if entry["urn"].endswith("::control-plane")]
    assert plane["outputs"]["components"]["kube-scheduler"] == "dead"
    assert plane["outputs"]["components"]["etcd"] == "running"
    assert (
        yaml.safe_load(standing.kubeconfig.read_text())["users"][0]["user"]["client-key-data"] not in standing.export()
    )
    standing.lab("up").succeeded()
    [plane] = [entry for entry in standing.state() if entry["urn"].endswith("::control-plane")]
    assert set(plane["outputs"]["components"].values()) == {"running"}


def test_lost_data_is_said_and_down_ends_what_no_file_names_and_up_begins_anew(standing: Laboratory) -> None:
    # The worst case for whoever looks for processes: no pid file, one that answers to nothing but SIGKILL, and an API
    # server without its etcd, which ignores SIGTERM.
    psutil.Process(int(standing.pid_file("istiod").read_text())).suspend()
    standing.kill("etcd")
    standing.directory.rename(standing.directory.with_name("elsewhere"))
    refused = standing.lab("up")
    assert refused.code != 0
    assert "data of the embedded control plane" in refused.output
    assert "make down && make up" in refused.output
    standing.lab("down").succeeded()
    assert standing.processes() == []
    # As in the log of a pipeline.
    said = standing.with_environment(ISTIO_LAB_VERBOSE="0").lab("up").succeeded().output.splitlines()
    assert len(said) <= _LINES_OF_AN_UP, "\n".join(said)
    [log] = [line.removeprefix(_WHOLE_OUTPUT) for line in said if line.startswith(_WHOLE_OUTPUT)]
    assert "Release istio-base created" in Path(log).read_text()


def test_two_labs_stand_side_by_side(standing: Laboratory) -> None:
    second = standing.other("second")
    (second.project / "Pulumi.second.yaml").write_text(yaml.safe_dump({"config": {"istio-lab:expires": "2026-01-31"}}))
    second.lab("up").succeeded()
    assert second.kubeconfig.read_text() != standing.kubeconfig.read_text()
    second.kubectl("delete", "namespace", "tutorial", "--wait=false").succeeded()
    standing.kubectl("get", "deployment", "reviews-v1", "-n", "tutorial").succeeded()
    assert "make down STACK=second" in second.lab("up").output
    dry = standing.lab("class", "reap").succeeded().output
    assert "To end 1 stack, say it" in dry
    assert second.directory.exists()
    # It has expired, and so it goes by itself; the other lab never expires.
    reaped = standing.lab("class", "reap", "--yes").succeeded().output
    assert "Ended: second" in reaped
    assert not second.directory.exists()
    assert [process for process in standing.processes() if "/stacks/second/" in " ".join(process.cmdline())] == []
    standing.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()


def test_down_leaves_no_process_no_port_and_no_file_and_up_works_again(standing: Laboratory) -> None:
    ports = _listening(standing)
    assert ports
    said = standing.lab("down").succeeded().output
    assert "Make sure that nothing is left with: lab audit" in said
    assert standing.processes() == []
    assert not standing.directory.exists()
    assert [port for port in ports if _answers(port)] == []
    assert sorted(entry.name for entry in standing.user_home.iterdir()) == []
    # The audit comes to the same by its own way, and to another when anything is left.
    assert "Nothing is left of stack dev" in standing.lab("audit").succeeded().output
    standing.directory.mkdir()
    waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(waiting, cwd=standing.directory) as forgotten:
        found = standing.lab("audit", "--json")
        forgotten.kill()
    assert found.code == 1
    report = json.loads(found.output[found.output.index("{") : found.output.rindex("}") + 1])
    left = {each["looked_at"]: each["left"] for each in report["findings"] if each["verdict"] == "left"}
    assert [line.split()[0] for line in left.pop("processes")] == [str(forgotten.pid)]
    assert left == {"files": [str(standing.directory)]}
    standing.lab("up").succeeded()


def test_up_repeats_what_a_killed_engine_has_begun(laboratory: Laboratory) -> None:
    laboratory.lab("down").succeeded()
    update = laboratory.start("lab", "up")
    _wait_for(laboratory, update, "Release istio-base creating")
    _engine(update).send_signal(signal.SIGKILL)
    update.communicate(timeout=30)
    said = laboratory.lab("up").succeeded().output
    assert "breaking the lock of process" in said
    assert "pending operations, which the next up repeats" in said
    laboratory.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=30s").succeeded()
    laboratory.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").succeeded()
    assert [process for process in laboratory.processes() if "pulumi-" in " ".join(process.cmdline())] == []


def test_ctrl_c_in_the_middle_of_up_ends_gracefully_and_the_next_up_completes(laboratory: Laboratory) -> None:
    laboratory.lab("down").succeeded()
    update = laboratory.start("lab", "up")
    _wait_for(laboratory, update, "Release istiod creating")
    os.killpg(update.pid, signal.SIGINT)
    output, _ = update.communicate(timeout=120)
    assert update.returncode != 0
    assert "Traceback" not in output
    laboratory.lab("up").succeeded()
    laboratory.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=30s").succeeded()


def _wait_for(laboratory: Laboratory, update: subprocess.Popen[str], text: str) -> None:
    assert update.stdout is not None
    seen = ""
    for line in update.stdout:
        seen += line
        if text in line:
            return
    raise AssertionError(f"{text!r} never appeared in {laboratory.stack}:\n{seen}")


def _engine(update: subprocess.Popen[str]) -> psutil.Process:
    [engine] = [child for child in psutil.Process(update.pid).children() if child.name() == "pulumi"]
    return engine


def _listening(laboratory: Laboratory) -> list[int]:
    return [
        connection.laddr.port
        for process in laboratory.processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def _answers(port: int) -> bool:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return False
        time.sleep(0.1)
    return True
