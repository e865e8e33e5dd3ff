"""The way out that is named: never the command that failed, nor one that would name another."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from lab.adapters import backend
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded.ports import Ports
from lab.services import engine_output, state_repair
from lab.services.lifecycle import TerminalEngine

if TYPE_CHECKING:
    from pathlib import Path

AZURE = {"urn": "group", "type": "azure-native:resources:ResourceGroup"}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack of the project's own backend, on which the engine fails."""
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    for place in (Stack, engine_output):
        monkeypatch.setattr(place, "pulumi", lambda *_, **__: 255)
    monkeypatch.setattr(Stack, "require_secrets", lambda _: None)
    paths.stacks_dir().mkdir(parents=True)
    return Stack("kim")


@pytest.mark.parametrize(
    ("operation", "resources", "named"),
    [
        ("up", [], "begin anew: make down STACK=kim && make up STACK=kim"),
        ("preview", [], "begin anew: make down STACK=kim && make up STACK=kim"),
        ("destroy", [], "remove every lab of this folder: make clean"),
        ("destroy", [AZURE], "correct what the messages name"),
    ],
)
def test_the_way_out_is_not_the_command_that_failed(
    stack: Stack, operation: str, resources: list[object], named: str
) -> None:
    content = {"version": 3, "checkpoint": {"stack": "kim", "latest": {"resources": resources}}}
    (paths.stacks_dir() / "kim.json").write_text(json.dumps(content))

    with pytest.raises(LabError) as failed:
        getattr(TerminalEngine(), operation)(stack)

    assert failed.value.remedy == f"run the command again; if it ends so again, {named}"


@pytest.mark.parametrize(
    ("lost", "cause", "remedy"),
    [
        (False, "the cluster of stack kim does not answer: connection refused", "make up STACK=kim"),
        (True, "the data of the embedded control plane", "make down STACK=kim && make up STACK=kim"),
    ],
)
def test_a_cluster_whose_data_is_gone_is_not_brought_back_by_up(
    stack: Stack, *, lost: bool, cause: str, remedy: str
) -> None:
    outputs = {"directory": str(stack.directory), "ports": asdict(Ports.allocate())}
    plane = {"urn": "plane", "type": "pulumi-python:dynamic/embedded:ControlPlane", "outputs": outputs}
    content = {"version": 3, "checkpoint": {"stack": "kim", "latest": {"resources": [plane]}}}
    (paths.stacks_dir() / "kim.json").write_text(json.dumps(content))
    (stack.directory / "kwok" / "clusters" / "lab" / "etcd").mkdir(parents=True)
    if not lost:
        stack.kubeconfig.touch()

    error = state_repair.unanswered(stack, "connection refused")

    assert error.message.startswith(cause)
    assert error.remedy.endswith(remedy)


def test_a_cluster_whose_passphrase_is_gone_is_not_brought_back_by_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "unable to read PULUMI_CONFIG_PASSPHRASE_FILE: open /lab/passphrase: no such file or directory"

    def refuse(stack: Stack) -> None:
        if known := backend.explained(said, stack=stack.name, settings=stack.file.name, embedded=True):
            raise known

    monkeypatch.setattr(Stack, "require_secrets", refuse)
    (paths.stacks_dir() / "kim.json").write_text(json.dumps({"version": 3, "checkpoint": {"stack": "kim"}}))
    paths.bin_dir().mkdir(parents=True)
    (paths.bin_dir() / "pulumi").touch()

    error = state_repair.unanswered(stack, "connection refused")

    assert f"encrypted with a passphrase that was in {paths.passphrase_file()}" in error.message
    assert error.remedy.endswith("make down STACK=kim && make up STACK=kim")
