"""What is looked at before a lab on Azure changes, and what is said when Azure refuses. Pulumi here only pretends."""

from __future__ import annotations

import contextlib
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.adapters import process
from lab.adapters.stack import Stack
from lab.core import paths, versions
from lab.core.errors import LabError
from lab.platforms.azure import address
from lab.platforms.azure.checks import AzureNeeds
from lab.platforms.azure.power import ClusterId
from lab.services import azure_updates, lifecycle
from lab.services.lifecycle import TerminalEngine, UpdateError
from lab.settings.groups import Azure
from lab.settings.support import minor
from tests.unit.azure.support import ACCOUNT, SUBSCRIPTION, FakeAz

if TYPE_CHECKING:
    from collections.abc import Mapping


OTHER = "0b9e6f33-3c55-4f1e-8a52-d8c94f1f7a22"
STANDS = {
    "azureSubscription": SUBSCRIPTION,
    "azureResourceGroup": "rg-kim",
    "azureCluster": "aks-kim",
    "kubeconfig": "[secret]",
}
WHICH = f"--subscription {SUBSCRIPTION} --resource-group rg-kim --name aks-kim"
DEFAULTS = Azure()


class FakeStack(Stack):
    """A stack that answers from a table and remembers what it was told."""

    def __init__(self, *, azure: object = None, outputs: Mapping[str, str] | None = None, there: bool = True) -> None:
        super().__init__("kim")
        self.settings: dict[str, object] = {} if azure is None else {"azure": azure}
        self.found = dict(outputs or {})
        self.there = there
        self.set: list[tuple[str, str]] = []
        self.steps: list[dict[str, object]] = []
        self.previews = 0
        self.state_ids: list[str] = []
        self.runs: list[tuple[tuple[str, ...], dict[str, str]]] = []
        self.code = 0
        self.errors: list[str] | None = None

    def exists(self) -> bool:
        return self.there

    @property
    def target(self) -> str:
        return "azure"

    def config(self) -> dict[str, object]:
        return dict(self.settings)

    def set_config(self, path: str, value: str) -> None:
        self.set.append((path, value))

    def outputs(self) -> dict[str, str]:
        assert self.there, "pulumi fails for a stack that does not exist"
        return dict(self.found)

    def secret_output(self, name: str) -> str:
        return f"the secret {name}"

    def preview(self) -> str:
        self.previews += 1
        return json.dumps({"steps": self.steps, "duration": 1, "changeSummary": {"same": 1}})

    def export(self) -> str:
        entries = [{"type": "azure-native:resources:ResourceGroup", "id": each} for each in self.state_ids]
        return json.dumps({"version": 3, "deployment": {"resources": entries}})

    def pulumi(self, *arguments: str, environment: Mapping[str, str] | None = None, **_: object) -> int:
        self.runs.append((arguments, dict(environment or {})))
        if self.errors is not None:
            events = [{"diagnosticEvent": {"severity": "error", "message": message}} for message in self.errors]
            self.log.write_text("\n".join(json.dumps(event) for event in events))
        return self.code

    @property
    def log(self) -> Path:
        """Where the last run was told to write its events."""
        (file,) = (word.removeprefix("--event-log=") for word in self.runs[-1][0] if word.startswith("--event-log="))
        return Path(file)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    paths.temporary_dir().mkdir(parents=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the internet was asked for this machine's address, which it knows."""
    calls: list[str] = []

    def public_address() -> str:
        calls.append("asked")
        return "203.0.113.9"

    monkeypatch.setattr(address, "public_address", public_address)
    return calls


def test_a_stack_that_stands_knows_its_cluster() -> None:
    expected = ClusterId(subscription=SUBSCRIPTION, resource_group="rg-kim", name="aks-kim")

    assert azure_updates.cluster_of(FakeStack(outputs=STANDS)) == expected
    assert azure_updates.require_cluster(FakeStack(outputs=STANDS)) == expected


@pytest.mark.parametrize(
    "stack", [FakeStack(there=False), FakeStack(), FakeStack(outputs={"azureSubscription": SUBSCRIPTION})]
)
def test_a_stack_without_a_cluster_says_so_with_what_makes_one(stack: FakeStack) -> None:
    assert azure_updates.cluster_of(stack) is None
    with pytest.raises(LabError) as refused:
        azure_updates.require_cluster(stack)

    assert refused.value.message == "stack kim has no cluster on Azure"
    assert refused.value.remedy == "lab up --stack kim"


@pytest.mark.parametrize(
    "azure", [None, {}, {"allowedRanges": []}, {"apiServer": "allowlist"}, {"location": "koreacentral"}]
)
def test_who_stands_a_lab_up_is_let_in_when_nobody_is(azure: object, asked: list[str]) -> None:
    stack = FakeStack(azure=azure)

    assert azure_updates.allow_caller(stack) == "203.0.113.9/32"
    assert stack.set == [("azure.allowedRanges[0]", "203.0.113.9/32")]
    assert asked == ["asked"]


@pytest.mark.parametrize(
    "azure",
    [
        pytest.param({"allowedRanges": ["198.51.100.0/24"]}, id="somebody is let in"),
        pytest.param({"apiServer": "public"}, id="everybody is let in"),
        pytest.param({"apiServer": "private"}, id="nobody comes from outside"),
    ],
)
def test_an_allowlist_that_needs_nobody_is_left_alone(azure: object, asked: list[str]) -> None:
    stack = FakeStack(azure=azure)

    assert not azure_updates.allow_caller(stack)
    assert stack.set == []
    assert asked == []


def test_an_update_that_may_replace_reads_a_copy_of_the_configuration_which_is_gone_afterwards(
    configuration: Path,
) -> None:
    before = configuration.read_text()
    stack = FakeStack(azure={"location": "northeurope"})

    with azure_updates.replacing(stack, allowed=True) as chosen:
        assert chosen.config_file
        copied = yaml.safe_load(chosen.config_file.read_text())

    assert copied == {
        "config": {"istio-lab:azure": {"location": "northeurope", "allowReplace": True}, "istio-lab:target": "azure"},
        "encryptionsalt": "v1:salt",
    }
    assert configuration.read_text() == before
    assert list(paths.temporary_dir().iterdir()) == []


def test_pulumi_is_told_of_the_copy(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(process, "interact", lambda command, **_: commands.append(command) or 0)

    with azure_updates.replacing(Stack("kim"), allowed=True) as chosen:
        chosen.pulumi("up")
    Stack("kim").pulumi("up")

    assert commands[0][1:] == ["up", "--config-file", str(chosen.config_file)]
    assert commands[1][1:] == ["up"]
    assert configuration.is_file()


def test_an_update_that_may_not_replace_reads_the_stacks_own_configuration() -> None:
    stack = FakeStack()

    with azure_updates.replacing(stack, allowed=False) as chosen:
        assert chosen is stack
        assert chosen.config_file is None


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    file = tmp_path / "Pulumi.kim.yaml"
    config = {"istio-lab:azure": {"location": "northeurope"}, "istio-lab:target": "azure"}
    file.write_text(yaml.safe_dump({"config": config, "encryptionsalt": "v1:salt"}))
    return file


def test_what_is_in_the_subscription_of_the_login_may_be_destroyed(az: FakeAz) -> None:
    az.answers("account show", ACCOUNT)
    stack = FakeStack()
    stack.state_ids = [f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-kim"]

    azure_updates.before_destroy(stack)

    assert len(az.asked("account show")) == 1


def test_what_is_in_another_subscription_than_the_logins_is_not_destroyed(az: FakeAz) -> None:
    az.answers("account show", ACCOUNT)
    stack = FakeStack()
    stack.state_ids = [f"/subscriptions/{OTHER}/resourceGroups/rg-kim"]

    with pytest.raises(LabError) as refused:
        azure_updates.before_destroy(stack)

    assert OTHER in refused.value.message
    assert refused.value.remedy == f"az account set --subscription {OTHER}"


def test_a_subscription_of_the_settings_counts_instead_of_the_logins(az: FakeAz) -> None:
    stack = FakeStack(azure={"subscription": OTHER})
    stack.state_ids = [f"/subscriptions/{OTHER}/resourceGroups/rg-kim"]
    azure_updates.before_destroy(stack)

    stack.settings = {"azure": {"subscription": SUBSCRIPTION}}
    with pytest.raises(LabError, match=f"stands in subscription {OTHER}"):
        azure_updates.before_destroy(stack)

    assert az.calls == []


def test_pulumi_runs_with_an_event_log_that_is_gone_afterwards() -> None:
    stack = FakeStack()
    stack.errors = []

    TerminalEngine().up(stack)

    ((arguments, environment),) = stack.runs
    assert arguments == ("up", "--yes", "--skip-preview", "--stack", stack.name, f"--event-log={stack.log}")
    assert environment == {"PULUMI_DEBUG_COMMANDS": "true"}, "pulumi does not know the option without it"
    assert list(paths.temporary_dir().iterdir()) == []


def test_a_failure_that_azure_is_known_for_is_explained_with_the_command_that_helps() -> None:
    stack = FakeStack()
    stack.code = 255
    stack.errors = ["something else", "Code=ReadOnlyDisabledSubscription: no"]

    with pytest.raises(LabError) as refused:
        lifecycle.explain_failure(TerminalEngine().up, stack)

    assert refused.value.message.startswith("ReadOnlyDisabledSubscription: The subscription is disabled")
    assert refused.value.remedy == "az account list --refresh --output table"
    assert list(paths.temporary_dir().iterdir()) == []


class NoBudget:
    """An engine in a subscription that takes no budget."""

    errors = "Cost Management supports only Enterprise Agreement, Web direct"

    def up(self, _stack: object) -> None:
        raise UpdateError("pulumi ended with exit code 255", engine_errors=self.errors)

    preview = destroy = up


@pytest.mark.parametrize(("more", "stands"), [("", True), ("\nCode=QuotaExceeded", False)])
def test_a_budget_that_azure_does_not_take_ends_no_update(
    monkeypatch: pytest.MonkeyPatch, more: str, *, stands: bool
) -> None:
    said: list[str] = []
    stack, engine = FakeStack(outputs=STANDS), NoBudget()
    engine.errors += more
    for name in ("require_unlocked", "ensure"):
        monkeypatch.setattr(stack, name, lambda: None, raising=False)
    monkeypatch.setattr(lifecycle, "_prepare_azure", lambda _stack, _progress: None)
    monkeypatch.setattr(lifecycle.record, "before_up", lambda _stack: None)
    monkeypatch.setattr(azure_updates, "keep_kubeconfig", lambda _stack: said.append("kubeconfig"))
    progress: Any = SimpleNamespace(line=said.append)

    with contextlib.nullcontext() if stands else pytest.raises(LabError, match="QuotaExceeded"):
        lifecycle.up(stack, engine, progress)

    assert [each.partition(":")[0] for each in said] == (["BudgetRefused", "kubeconfig"] if stands else [])


def test_the_estimate_of_a_stack_that_stands_is_of_its_nodes() -> None:
    pool = {"systemPool": {"vmSize": "Standard_D8s_v5"}}
    new, standing = FakeStack(azure=pool), FakeStack(azure=pool, outputs={"azureVmSize": "Standard_D4s_v5"})
    for each in (new, standing):
        each.settings["target"] = "azure"

    assert azure_updates.standing(new).azure.system_pool.vm_size == "Standard_D8s_v5"
    assert azure_updates.standing(standing).azure.system_pool.vm_size == "Standard_D4s_v5"


@pytest.mark.parametrize("errors", [["nobody knows this one"], [], None])
def test_a_failure_that_nobody_knows_says_pulumis_exit_code(errors: list[str] | None) -> None:
    stack = FakeStack()
    stack.code = 255
    stack.errors = errors

    with pytest.raises(UpdateError, match="exit code 255"):
        lifecycle.explain_failure(TerminalEngine().up, stack)


def test_an_update_that_succeeded_needs_no_explanation() -> None:
    stack = FakeStack()
    stack.errors = ["Code=ReadOnlyDisabledSubscription: it was tried again"]

    lifecycle.explain_failure(TerminalEngine().up, stack)


def test_the_event_log_is_gone_when_pulumi_could_not_even_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: str, **_more: object) -> int:
        raise FileNotFoundError("pulumi")

    stack = FakeStack()
    monkeypatch.setattr(stack, "pulumi", broken)

    with pytest.raises(FileNotFoundError):
        TerminalEngine().up(stack)

    assert list(paths.temporary_dir().iterdir()) == []


def test_without_settings_the_defaults_are_asked_of_the_subscription() -> None:
    assert azure_updates.needs(FakeStack(there=False)) == AzureNeeds(
        subscription="",
        location=DEFAULTS.location,
        kubernetes_version=minor(versions.KUBERNETES),
        vm_size=DEFAULTS.system_pool.vm_size,
        nodes=DEFAULTS.system_pool.count,
        spot_vm_size=None,
        spot_nodes=DEFAULTS.spot_pool.max_count,
        entra=True,
    )


CHOSEN: dict[str, object] = {
    "subscription": SUBSCRIPTION,
    "location": "koreacentral",
    "entra": False,
    "allowedRanges": [],
    "systemPool": {"vmSize": "Standard_D8s_v5", "count": 3, "maxCount": 5},
    "spotPool": {"enabled": True, "vmSize": "Standard_F8s_v2", "maxCount": 4},
}


def test_what_is_set_is_asked_of_the_subscription() -> None:
    stack = FakeStack(azure=CHOSEN, there=False)
    stack.settings |= {"kubernetesVersion": "1.35", "target": "embedded"}

    assert azure_updates.needs(stack) == AzureNeeds(
        subscription=SUBSCRIPTION,
        location="koreacentral",
        kubernetes_version="1.35",
        vm_size="Standard_D8s_v5",
        nodes=3,
        spot_vm_size="Standard_F8s_v2",
        spot_nodes=4,
        entra=False,
    )
    assert stack.set == [], "who only asks changes nothing"


def test_nodes_that_stand_are_not_asked_for_again() -> None:
    found = azure_updates.needs(FakeStack(azure=CHOSEN, outputs=STANDS))

    assert (found.nodes, found.spot_nodes) == (0, 0)
    assert (found.vm_size, found.spot_vm_size) == ("Standard_D8s_v5", "Standard_F8s_v2")


def test_a_setting_that_is_wrong_is_told_with_its_file() -> None:
    with pytest.raises(LabError) as refused:
        azure_updates.needs(FakeStack(azure={"location": "West Europe"}, there=False))

    assert refused.value.message.startswith("Pulumi.kim.yaml: 1 setting is wrong:")
    assert 'istio-lab:azure.location: found "West Europe"' in refused.value.message


def test_the_secret_kubeconfig_is_kept_where_the_other_commands_look_for_it() -> None:
    stack = FakeStack(outputs=STANDS)

    azure_updates.keep_kubeconfig(stack)

    assert stack.kubeconfig.read_text() == "the secret kubeconfig"
    assert stat.S_IMODE(stack.kubeconfig.stat().st_mode) == 0o600


def test_kubelogin_is_brought_into_the_labs_own_folder_where_there_is_none(az: FakeAz) -> None:
    az.answers("aks install-cli")

    azure_updates.bring_kubelogin(FakeStack())

    (call,) = az.calls
    assert f"--kubelogin-install-location {paths.bin_dir() / 'kubelogin'}" in call
    kubectl = call.split("--install-location ")[1].split()[0]
    assert kubectl.startswith(str(paths.temporary_dir())), "az brings a kubectl too, which nobody asked for"
    assert list(paths.temporary_dir().iterdir()) == []


@pytest.mark.parametrize("own", [False, True])
def test_a_kubelogin_that_is_there_is_taken(az: FakeAz, tools: Path, *, own: bool) -> None:
    folder = paths.bin_dir() if own else tools
    folder.mkdir(exist_ok=True)
    (folder / "kubelogin").write_text("#!/bin/sh\n")
    (folder / "kubelogin").chmod(0o755)

    azure_updates.bring_kubelogin(FakeStack())

    assert az.calls == []


def test_without_entra_nobody_needs_kubelogin(az: FakeAz) -> None:
    azure_updates.bring_kubelogin(FakeStack(azure={"entra": False}))

    assert az.calls == []
