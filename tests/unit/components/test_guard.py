"""No update loses a lab on Azure unless a setting says so. The engine's answers are given here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi import ResourceHookArgs

from components.platform import guard
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER = "azure-native:containerservice:ManagedCluster"
RESOURCES = {
    "urn:1": {"type": "pulumi:pulumi:Stack", "outputs": {}},
    "urn:2": {"type": CLUSTER, "outputs": {"location": "westeurope"}},
    "urn:3": {"type": "kubernetes:core/v1:Namespace", "outputs": {}},
}


class Engine:
    """The two questions about a stack's own state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outputs: Mapping[str, object] = {}
        self.resources: Mapping[str, object] = {}
        self.asked: list[str] = []
        self.warnings: list[str] = []
        self.failures: list[str] = []
        monkeypatch.setattr(pulumi.runtime, "invoke_async", self.answer)
        monkeypatch.setattr(pulumi.log, "warn", self.warnings.append)
        for name in ("get_organization", "get_project", "get_stack"):
            monkeypatch.setattr(pulumi, name, lambda name=name: name.removeprefix("get_"))

    async def answer(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert list(arguments.values()) == ["organization/project/stack"]
        self.asked.append(token.rpartition(":")[2])
        if self.failures:
            raise Exception(self.failures.pop(0))  # noqa: TRY002 - as the SDK does
        return {"outputs": self.resources if token.endswith("readStackResourceOutputs") else self.outputs}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


def checked(*, allowed: bool = False) -> None:
    asyncio.run(guard.require_kept("kim", "embedded", allowed=allowed))


def test_a_lab_on_azure_is_not_deleted_by_another_target(engine: Engine) -> None:
    engine.outputs = {"azureCluster": "aks-kim"}

    with pytest.raises(LabError) as refused:
        checked()

    assert "stack kim has resources on Azure (aks-kim), and with istio-lab:target embedded" in refused.value.message
    assert "pulumi destroy --stack kim" in refused.value.remedy
    assert "istio-lab:azure.allowReplace true" in refused.value.remedy
    assert engine.asked == ["readStackOutputs"]


def test_a_state_that_is_just_being_written_is_read_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_PAUSES", (0, 0))
    half_written = "invocation of readStackOutputs returned an error: failed to load checkpoint: EOF"

    engine.failures = [half_written, half_written]
    checked()
    engine.failures = [half_written] * 3
    with pytest.raises(Exception, match="failed to load checkpoint"):
        checked()
    engine.failures, engine.asked = ["no permission"], []
    with pytest.raises(Exception, match="no permission"):
        checked()
    assert engine.asked == ["readStackOutputs"]


def test_one_that_was_never_finished_is_found_by_its_resources(engine: Engine) -> None:
    engine.resources = RESOURCES

    with pytest.raises(LabError, match="has resources on Azure \\(ManagedCluster\\)"):
        checked()


def test_its_loss_can_be_allowed_and_is_warned_of(engine: Engine) -> None:
    engine.outputs = {"azureCluster": "aks-kim"}

    checked(allowed=True)

    assert len(engine.warnings) == 1
    assert "istio-lab:azure.allowReplace is true" in engine.warnings[0]


def test_a_lab_elsewhere_is_asked_for_its_outputs_only(engine: Engine) -> None:
    engine.outputs = {"kubeconfig": "[secret]"}
    engine.resources = RESOURCES

    checked()

    assert engine.asked == ["readStackOutputs"]
    assert engine.warnings == []


def test_what_stands_is_what_the_state_has_of_the_guarded_types(engine: Engine) -> None:
    engine.resources = RESOURCES

    assert asyncio.run(guard.standing()) == {CLUSTER: {"location": "westeurope"}}


def test_what_stands_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda _: None)
    hook: Any = guard.keep({CLUSTER: {"location": "westeurope", "name": "aks"}}, "kim").callback

    with pytest.raises(LabError, match="would replace cluster, with all that is in it, because of location from west"):
        hook(hook_args(CLUSTER, location="northeurope", name="AKS"))
    hook(hook_args("azure-native:containerregistry:Registry", location="northeurope"))


def test_a_resource_group_takes_the_cluster_and_the_registry_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.resource_hooks.register_resource_hook", lambda _: None)
    group = "azure-native:resources:ResourceGroup"
    hook: Any = guard.keep({group: {}}, "kim").callback

    with pytest.raises(LabError, match="with cluster, registry and all else in it"):
        hook(hook_args(group))


def hook_args(type_: str, **inputs: object) -> ResourceHookArgs:
    return ResourceHookArgs(urn="urn", id="", name="cluster", type=type_, new_inputs=inputs)
