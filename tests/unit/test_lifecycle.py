"""Taking a lab down, and cleaning up, when state may be kept elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab.adapters.stack import Stack
from lab.cli.app import app
from lab.core import paths
from lab.core.errors import LabError
from lab.services import lifecycle

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = '{"deployment": {"resources": []}}'
ON_AZURE = '{"deployment": {"resources": [{"type": "azure-native:resources:ResourceGroup", "urn": "x"}]}}'


class Backend:
    """States by stack, and what was asked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[str, str] = {}
        self.did: list[str] = []
        monkeypatch.setattr(Stack, "export", self._export)
        monkeypatch.setattr(Stack, "state", lambda stack: self._export(stack) if stack.name in self.states else None)
        monkeypatch.setattr(Stack, "pulumi", lambda _, *words: self._pulumi(*words))
        monkeypatch.setattr(lifecycle, "prepare", lambda *_: self.did.append("prepare"))

    def _pulumi(self, *words: str) -> int:
        self.did.append(words[0])
        return 0

    def _export(self, stack: Stack) -> str:
        self.did.append("export")
        return self.states[stack.name]


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A backend of the user's own; on this machine, stack dev has a folder."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    paths.stack_dir("dev").mkdir(parents=True)
    return Backend(monkeypatch)


def test_a_stack_elsewhere_is_read_once_to_be_taken_down(backend: Backend) -> None:
    backend.states["dev"] = EMPTY

    result = CliRunner().invoke(app, ["down"])

    assert result.exit_code == 0
    assert "Stack dev is taken down" in result.output
    assert backend.did == ["prepare", "export", "destroy"]


def test_a_stack_that_the_backend_does_not_have_is_not_said_to_be_taken_down(backend: Backend) -> None:
    result = CliRunner().invoke(app, ["down"])

    assert "There is no stack dev in ISTIO_LAB_BACKEND_URL=s3://team-state" in result.output
    assert "taken down" not in result.output
    assert "destroy" not in backend.did
    assert not paths.stack_dir("dev").exists(), "what ran on this machine is gone"


def test_what_was_never_made_in_the_project_is_swept_without_any_tools(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")

    result = CliRunner().invoke(app, ["down"])

    assert f"There is no stack dev in {paths.state_dir()}" in result.output
    assert backend.did == []


def test_clean_names_the_states_that_it_did_not_touch(backend: Backend) -> None:
    backend.states["dev"] = EMPTY

    result = CliRunner().invoke(app, ["clean"])

    assert "The state of stack dev was not in" in result.output
    assert "pulumi destroy --stack dev" in result.output
    assert not paths.home().exists()


def test_clean_refuses_a_stack_on_azure_whose_state_is_elsewhere(backend: Backend) -> None:
    backend.states["dev"] = ON_AZURE

    with pytest.raises(LabError, match="stack dev still has resources on Azure"):
        lifecycle.clean(cache=False)

    assert paths.stack_dir("dev").exists()


def test_clean_refuses_a_stack_on_azure_whose_state_it_cannot_find(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  istio-lab:target: azure\n")

    with pytest.raises(LabError, match=f"its state is not in {paths.state_dir()}") as refused:
        lifecycle.clean(cache=False)

    assert "ISTIO_LAB_BACKEND_URL=login make clean" in refused.value.remedy
    assert paths.stack_dir("dev").exists()
    assert backend.did == []


def test_clean_of_what_the_project_itself_keeps_says_nothing_more(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    paths.stacks_dir().mkdir(parents=True)
    (paths.stacks_dir() / "dev.json").write_text(EMPTY)

    assert lifecycle.clean(cache=False) == []
    assert backend.did == []
