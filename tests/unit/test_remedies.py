"""The way out that is named: never the command that failed, nor one that would name another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.adapters import backend
from lab.core import paths
from lab.core.errors import LabError
from lab.services import engine_output, state_repair
from lab.services.lifecycle import TerminalEngine
from tests.unit import kept

if TYPE_CHECKING:
    from lab.adapters.stack import Stack


@pytest.fixture
def stack(kept_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack on which the engine fails."""
    for owner in (type(kept_stack), engine_output):
        monkeypatch.setattr(owner, "pulumi", lambda *_, **__: 255)
    monkeypatch.setattr(type(kept_stack), "require_secrets", lambda _: None)
    return kept_stack


@pytest.mark.parametrize(
    ("operation", "resources", "named"),
    [
        ("up", [], "begin anew: make down STACK=kim && make up STACK=kim"),
        ("preview", [], "begin anew: make down STACK=kim && make up STACK=kim"),
        ("destroy", [], "remove every lab of this folder: make clean"),
        ("destroy", [kept.GROUP], "correct what the messages name"),
    ],
)
def test_the_way_out_is_not_the_command_that_failed(
    stack: Stack, operation: str, resources: list[object], named: str
) -> None:
    kept.keep(stack, *resources)

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
    kept.keep(stack, kept.plane(stack))
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

    monkeypatch.setattr(type(stack), "require_secrets", refuse)
    kept.keep(stack)
    paths.bin_dir().mkdir(parents=True)
    (paths.bin_dir() / "pulumi").touch()

    error = state_repair.unanswered(stack, "connection refused")

    assert f"encrypted with a passphrase that was in {paths.passphrase_file()}" in error.message
    assert error.remedy.endswith("make down STACK=kim && make up STACK=kim")
