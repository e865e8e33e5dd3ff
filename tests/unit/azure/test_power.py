"""Stopping and starting a lab's AKS cluster, with an az that only pretends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from lab.cli import azure
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.platforms.azure import power
from lab.platforms.azure.power import ClusterId
from lab.services import azure_updates
from tests.unit.azure.support import SUBSCRIPTION, FakeAz, cluster

if TYPE_CHECKING:
    from rich.console import Console

KIM = ClusterId(subscription=SUBSCRIPTION, resource_group="rg-kim", name="aks-kim")
WHICH = f"--subscription {SUBSCRIPTION} --resource-group rg-kim --name aks-kim --output json --only-show-errors"
GONE = "ERROR: (ResourceNotFound) The Resource 'managedClusters/aks-kim' under resource group 'rg-kim' was not found."


def text(console: Console) -> str:
    return console.file.getvalue() if isinstance(console.file, io.StringIO) else ""


@pytest.fixture(autouse=True)
def _kim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stack's cluster is Kim's."""
    monkeypatch.setattr(azure_updates, "require_cluster", lambda _stack: KIM)


def test_the_status_tells_power_version_and_node_pools(az: FakeAz, console: Console) -> None:
    az.answers("aks show", cluster())

    azure.status("kim")

    shown = text(console)
    assert az.calls == [f"aks show {WHICH}"]
    assert "AKS cluster aks-kim: Running, Succeeded" in shown
    assert "Kubernetes 1.36.2" in shown
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if "│" in line]
    assert rows == [
        ["system", "System", "Standard_D4s_v5", "2", "Regular"],
        ["spot", "User", "Standard_D2s_v5", "1", "Spot"],
    ]
    assert "disks" not in shown


def test_the_status_of_a_stopped_cluster_tells_what_still_costs(az: FakeAz, console: Console) -> None:
    az.answers("aks show", cluster("Stopped"))

    azure.status("kim")

    assert "aks-kim: Stopped" in text(console)
    assert "disks, public IPs, the load balancer and the registry still do" in text(console)


def test_a_running_cluster_is_stopped_and_what_that_means_is_said(az: FakeAz, console: Console) -> None:
    az.answers("aks show", cluster())
    az.answers("aks stop")

    azure.stop("kim")

    assert az.calls == [f"aks show {WHICH}", f"aks stop {WHICH}"]
    assert "AKS cluster aks-kim is stopped." in text(console)
    assert "15 to 30 minutes" in text(console)
    assert "12 months" in text(console)
    assert "the registry still do" in text(console)


def test_a_stopped_cluster_is_started(az: FakeAz, console: Console) -> None:
    az.answers("aks show", cluster("Stopped"))
    az.answers("aks start")

    azure.start("kim")

    assert az.calls == [f"aks show {WHICH}", f"aks start {WHICH}"]
    assert "aks-kim runs; " in text(console)


def test_stopping_a_stopped_cluster_does_nothing(az: FakeAz, console: Console) -> None:
    az.answers("aks show", cluster("Stopped"))

    azure.stop("kim")

    assert az.asked("aks stop") == []
    assert "is stopped already" in text(console)


@pytest.mark.parametrize("state", ["Running", None])
def test_starting_a_running_cluster_does_nothing(az: FakeAz, console: Console, state: str | None) -> None:
    az.answers("aks show", cluster(state))

    azure.start("kim")

    assert az.asked("aks start") == []
    assert "runs already" in text(console)


@pytest.mark.parametrize("provisioning", ["Stopping", "Starting", "Updating", "Creating", "Deleting"])
def test_a_cluster_that_azure_works_on_is_left_alone(az: FakeAz, progress: Progress, provisioning: str) -> None:
    az.answers("aks show", cluster(provisioning=provisioning))

    with pytest.raises(LabError, match=f"provisioning state is {provisioning}"):
        power.stop(KIM, progress)

    assert az.asked("aks stop") == []


def test_a_cluster_whose_last_change_failed_can_still_be_stopped(az: FakeAz, progress: Progress) -> None:
    az.answers("aks show", cluster(provisioning="Failed"))
    az.answers("aks stop")

    power.stop(KIM, progress)

    assert len(az.asked("aks stop")) == 1


def test_people_see_that_azure_works(az: FakeAz) -> None:
    az.answers("aks show", cluster())
    az.answers("aks stop")
    stream = io.StringIO()

    with Progress(stream) as progress:
        power.stop(KIM, progress)

    assert "stopping AKS cluster aks-kim ..." in stream.getvalue()
    assert "stopping AKS cluster aks-kim: done" in stream.getvalue()


def test_a_webhook_that_prevents_the_stop_is_told_with_the_command_that_removes_it(
    az: FakeAz, console: Console
) -> None:
    az.answers("aks show", cluster())
    az.answers(
        "aks stop",
        error="ERROR: (ValidationError) The managed cluster has the following webhooks, that might prevent stop/start "
        "cluster operations, Please remove them before the operation. 1. Webhook configuration 'greedy': "
        "'a.b.c' Rule 1 "
        "has wildcard in both APIGroups and Resources.\nCode: ValidationError",
        code=1,
    )

    with pytest.raises(LabError) as refused:
        azure.stop("kim")

    assert "whose webhook greedy has wildcard (*) rules" in refused.value.message
    assert refused.value.remedy.endswith("mutatingwebhookconfiguration greedy --ignore-not-found")
    assert "is stopped" not in text(console)


def test_stopping_what_is_not_there_is_an_error(az: FakeAz, progress: Progress) -> None:
    az.answers("aks show", error=GONE, code=3)

    with pytest.raises(LabError, match="Azure does not have it"):
        power.stop(KIM, progress)
