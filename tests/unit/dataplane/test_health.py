"""The health of a data plane: a pid says nothing, an agent that works does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.adapters import process_tree
from lab.platforms.dataplane import lifecycle
from lab.platforms.dataplane.lifecycle import DataPlane
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psutil


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataPlane:
    monkeypatch.setattr(lifecycle, "_SIGN_OF_LIFE", 0.5)
    monkeypatch.setattr(lifecycle, "unavailable", lambda: "")
    return DataPlane(control_plane=ControlPlane(directory=tmp_path, ports=Ports.allocate()))


@pytest.fixture
def outer(plane: DataPlane, spawn: Callable[..., psutil.Process]) -> psutil.Process:
    """Something that looks like the agent's process, with one that it has started."""
    directory = plane.control_plane.directory
    child = spawn("/bin/sh", "-c", "sleep 60 & echo ready; wait", f"--kubeconfig={directory / 'kubeconfig'}")
    folder = directory / "dataplane"
    folder.mkdir()
    (folder / "agent.pid").write_text(str(child.pid))
    (folder / "ready").touch()
    return child


def test_an_agent_that_marks_that_it_works_is_healthy(plane: DataPlane, outer: psutil.Process) -> None:
    assert (plane.health(), plane.healthy) == ("running", True)
    process_tree.stop_tree(outer.pid, grace=0)
    assert (plane.health(), plane.healthy) == ("dead", False)


def test_an_agent_that_marks_nothing_any_more_is_not(plane: DataPlane, outer: psutil.Process) -> None:
    os.utime(plane.control_plane.directory / "dataplane" / "ready", (0, 0))

    assert process_tree.runs(outer)
    assert (plane.health(), plane.healthy) == ("not answering", False)


def test_a_frozen_process_of_a_pod_is_noticed(
    plane: DataPlane, outer: psutil.Process, eventually: Callable[..., bool]
) -> None:
    [program] = outer.children()
    program.suspend()

    assert eventually(lambda: plane.health() == "frozen")
    assert not plane.healthy
    process_tree.stop_tree(outer.pid, grace=0)
