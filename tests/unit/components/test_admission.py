"""The gate of a cluster: one question, asked seldom, until the API server says yes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.platform import admission
from lab.core import patience
from lab.core.errors import LabError
from lab.platforms.azure.error_catalog import explain
from tests.unit.pretended_api import NAMESPACES, PretendedApi, serving, status
from tests.unit.recorder import record

ROLE = "Azure Kubernetes Service RBAC Cluster Admin"
FORBIDDEN = (
    'namespaces is forbidden: User "kim@example.test" cannot create resource "namespaces" in API group "" at the '
    "cluster scope: User does not have access to the resource in Azure. Update role assignment to allow access."
)


@dataclass
class Gate(PretendedApi):
    """An API server whose time passes only where somebody sleeps.

    Attributes:
        script: the codes of its answers; the last one stays.
        message: of what it refuses.
        at: when it was asked.
    """

    script: list[int] = field(default_factory=list)
    message: str = FORBIDDEN
    now: float = 0.0
    at: list[float] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        del method, path
        self.at.append(self.now)
        code = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return (201, {"kind": "Namespace"}) if code < 400 else (code, status(code, self.message))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", found.append)
    return found


def enter(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: gate.now))
    monkeypatch.setattr(asyncio, "sleep", gate.sleep)
    with serving(gate):
        asyncio.run(admission.wait(gate.kubeconfig({"token": "t"}), ROLE))


def test_a_cluster_that_knows_its_caller_is_asked_once_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    gate = Gate(script=[201])

    enter(gate, monkeypatch)

    assert [(each.method, each.path, each.query) for each in gate.asked] == [("POST", NAMESPACES, "dryRun=All")]
    assert (gate.now, said) == (0.0, [])


def test_a_yes_after_a_no_is_asked_for_again_since_another_replica_may_answer(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    gate = Gate(script=[403, 201, 403, 403, 201, 201])

    enter(gate, monkeypatch)

    assert len(gate.at) == 6
    assert len(said) == 1, "it is said once what is waited for"
    assert "User does not have access to the resource in Azure" in said[0]


def test_nothing_is_asked_more_than_once_in_three_seconds_nor_150_times(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    gate = Gate(script=[403])

    with pytest.raises(LabError):
        enter(gate, monkeypatch)

    assert said
    assert min(later - earlier for earlier, later in zip(gate.at, gate.at[1:], strict=False)) >= 3
    assert 590 < gate.at[-1] <= 600
    assert len(gate.at) <= 150


def test_at_the_end_the_reason_is_told_with_the_role_and_is_known_to_the_catalog(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    with pytest.raises(LabError) as refused:
        enter(Gate(script=[403]), monkeypatch)

    assert said
    assert refused.value.message.startswith("the cluster still refuses this login after 10 minutes: ")
    assert "User does not have access to the resource in Azure" in refused.value.message
    assert ROLE in refused.value.remedy
    found = explain(f"error: {refused.value}")
    assert found is not None
    assert found.code == "AzureRbacForbidden"


@pytest.mark.parametrize("code", [401, 429, 500, 503])
def test_a_cluster_that_is_not_ready_is_waited_for_but_not_as_long(
    monkeypatch: pytest.MonkeyPatch, said: list[str], code: int
) -> None:
    gate = Gate(script=[code, code, 201, 201])
    enter(gate, monkeypatch)
    lost = Gate(script=[code], message="not yet")

    with pytest.raises(LabError, match=r"no answer of use for 3 minutes"):
        enter(lost, monkeypatch)

    assert len(said) == 2
    assert 170 < lost.at[-1] <= 180


@pytest.mark.parametrize(
    ("code", "message"),
    [(403, 'admission webhook "policy.example" denied the request: no owner'), (400, "no dry run"), (409, "exists")],
)
def test_what_is_refused_behind_the_gate_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, said: list[str], code: int, message: str
) -> None:
    gate = Gate(script=[code], message=message)

    enter(gate, monkeypatch)

    assert (len(gate.at), said) == (1, [])


class Grant(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("test:Grant", "grant")


@pytest.mark.parametrize("preview", [True, False])
def test_a_preview_does_not_wait(monkeypatch: pytest.MonkeyPatch, preview: bool) -> None:  # noqa: FBT001
    waited: list[str] = []

    async def wait(content: str, _role: str) -> None:
        waited.append(content)

    def program() -> None:
        pulumi.export("kubeconfig", admission.admitted(pulumi.Output.from_input("content"), Grant(), role=ROLE))

    monkeypatch.setattr(admission, "wait", wait)
    found = record(program, preview=preview)

    assert found.stack_outputs["kubeconfig"] == "content"
    assert waited == ([] if preview else ["content"])
