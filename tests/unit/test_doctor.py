"""What the doctor says about `kubectl top`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lab.adapters.stack import Stack
from lab.cli import console as terminal
from lab.cli import doctor as shown
from lab.core import versions
from lab.platforms import kubeconfig
from lab.services import doctor

if TYPE_CHECKING:
    from collections.abc import Mapping

CHOSEN = {"target": "kubeconfig", "kubeconfig": {"file": "~/.kube/config", "context": "seoul"}}


def said(target: str, monkeypatch: pytest.MonkeyPatch, config: Mapping[str, object] | None = None) -> str:
    monkeypatch.setattr(Stack, "config", lambda _self: dict(config or {}))
    console = Console(file=io.StringIO(), width=400)
    monkeypatch.setattr(terminal, "console", console)
    shown.show_metrics(doctor.metrics(Stack("dev"), target))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_figures_of_simulated_pods_are_called_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "simulated" in said("embedded", monkeypatch)


@pytest.mark.parametrize("available", [True, False])
def test_a_cluster_without_the_metrics_api_is_told_of_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, *, available: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(kubeconfig, "read", lambda file, context: f"{file} {context}")
    monkeypatch.setattr(kubeconfig, "answers_top", lambda content: asked.append(content) or available)

    text = said("kubeconfig", monkeypatch, CHOSEN)

    assert asked == ["~/.kube/config seoul"]
    assert ("kubectl --context seoul apply -f https://" in text) is not available
    assert (f"metrics-server/releases/download/v{versions.METRICS_SERVER}/" in text) is not available


def test_azure_brings_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("azure", monkeypatch) == ""
