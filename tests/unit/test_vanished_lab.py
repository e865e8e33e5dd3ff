"""A lab of which the state alone is left: `up` makes it anew, since nothing can be lost by it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from lab.adapters.stack import Stack
from lab.core import paths
from lab.platforms.embedded.ports import Ports
from lab.services import state_repair

if TYPE_CHECKING:
    from pathlib import Path

GROUP = {"urn": "group", "type": "azure-native:resources:ResourceGroup"}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack of the project's own backend."""
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    paths.stacks_dir().mkdir(parents=True)
    return Stack("kim")


def keep(stack: Stack, *others: dict[str, str]) -> None:
    """Write the stack's state: an embedded control plane, and others."""
    outputs = {"directory": str(stack.directory), "ports": asdict(Ports.allocate())}
    plane = {"urn": "plane", "type": "pulumi-python:dynamic/embedded:ControlPlane", "outputs": outputs}
    content = {"version": 3, "checkpoint": {"stack": "kim", "latest": {"resources": [plane, *others]}}}
    (paths.stacks_dir() / "kim.json").write_text(json.dumps(content))


def test_it_has_vanished_when_its_folder_is_empty_or_gone(stack: Stack) -> None:
    keep(stack)
    assert state_repair.has_vanished(stack)

    stack.directory.mkdir(parents=True)
    assert state_repair.has_vanished(stack)


def test_it_has_not_while_anything_of_it_is_there(stack: Stack) -> None:
    keep(stack)
    (stack.directory / "kwok").mkdir(parents=True)

    assert not state_repair.has_vanished(stack)


def test_it_has_not_while_a_server_of_it_runs_without_its_data(stack: Stack, tmp_path: Path) -> None:
    keep(stack)
    etcd = tmp_path / "etcd"
    etcd.symlink_to("/bin/sleep")

    with subprocess.Popen([etcd, "60"], env={"KWOK_WORKDIR": str(stack.directory)}) as server:
        assert not state_repair.has_vanished(stack)
        server.kill()
    assert state_repair.has_vanished(stack)


def test_it_has_not_when_something_of_it_is_elsewhere(stack: Stack) -> None:
    keep(stack, GROUP)

    assert not state_repair.has_vanished(stack)


def test_a_stack_that_never_stood_has_not(stack: Stack) -> None:
    assert not state_repair.has_vanished(stack)
