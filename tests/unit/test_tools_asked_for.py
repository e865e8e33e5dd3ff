"""Tools that only some settings need: brought before the lab is made, and not for anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from lab import toolchain
from lab.cli import app
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

SOMEWHERE = {"file": "~/.kube/config", "context": "kind"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    return tmp_path


def brought(stack: str = "dev") -> tuple[str, ...]:
    """What `lab up` brings; it goes no further."""
    asked: list[str] = []

    def ensure(tools: tuple[str, ...], **_: object) -> None:
        asked.extend(tools)
        raise LabError("that is enough")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(toolchain, "ensure", ensure)
        failure = CliRunner().invoke(app.app, ["up", "--stack", stack]).exception
    if not asked and isinstance(failure, LabError):
        raise failure
    return tuple(asked)


def besides(project: Path, **settings: object) -> set[str]:
    """What it brings besides what every lab needs."""
    config = {f"istio-lab:{key}": value for key, value in settings.items()}
    (project / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    return set(brought()) - set(toolchain.DEFAULT)


def delivery(strategy: str) -> dict[str, object]:
    return {"rollouts": {"delivery": {"strategy": strategy}}}


@pytest.mark.parametrize("strategy", ["canary", "blueGreen"])
def test_an_analysis_on_this_machine_needs_prometheus_on_this_machine(project: Path, strategy: str) -> None:
    assert "prometheus" not in toolchain.DEFAULT
    assert besides(project, **delivery(strategy)) == {"prometheus"}
    assert besides(project, target="embedded", **delivery(strategy)) == {"prometheus"}


@pytest.mark.parametrize("settings", [{}, {"rollouts": {"enabled": False}}, delivery("ramped"), delivery("recreate")])
def test_whoever_analyses_nothing_waits_for_no_prometheus(project: Path, settings: dict[str, object]) -> None:
    assert besides(project, **settings) == set()


@pytest.mark.parametrize("settings", [{"target": "azure"}, {"target": "kubeconfig", "kubeconfig": SOMEWHERE}])
def test_elsewhere_prometheus_runs_in_the_cluster(project: Path, settings: dict[str, object]) -> None:
    assert besides(project, **settings, **delivery("canary")) == set()


def test_a_strategy_that_is_none_is_named_before_anything_is_besides(project: Path) -> None:
    with pytest.raises(LabError, match=r"Pulumi\.dev\.yaml: 1 setting is wrong:\n.*rollouts\.delivery\.strategy"):
        besides(project, **delivery("canaries"))


@pytest.mark.usefixtures("project")
def test_a_stack_without_a_file_has_the_defaults() -> None:
    assert brought("new") == toolchain.DEFAULT
