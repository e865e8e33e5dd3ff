"""The Azure CLI: how it is run, and what is said when it fails."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.core.errors import LabError
from lab.platforms.azure.cli import NotFoundError, ask
from lab.platforms.azure.models import Account, Cluster, read
from tests.unit.azure.support import ACCOUNT, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.azure.support import FakeAz

FAILURES = {
    "logged out": ("ERROR: Please run 'az login' to setup account.", "Nobody is logged in", "az login"),
    "expired": ("AADSTS700082: The refresh token has expired due to inactivity.", "has expired", "az login"),
    "unknown subscription": (
        "ERROR: The subscription of 'kim' doesn't exist in cloud 'AzureCloud'.",
        "does not know the subscription kim",
        "az account list --output table",
    ),
    "foreign subscription": (
        "ERROR: (SubscriptionNotFound) The subscription '5a0c' could not be found.",
        "does not know the subscription 5a0c",
        "az account list --output table",
    ),
    "no right": (
        (
            "ERROR: (AuthorizationFailed) The client 'kim@example.com' with object id 'x' does not have "
            "authorization to "
            "perform action 'Microsoft.ContainerService/managedClusters/read' over scope "
            "'/subscriptions/5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11/resourceGroups/x' or the scope is invalid."
        ),
        "kim@example.com may not do Microsoft.ContainerService/managedClusters/read",
        "--role Contributor",
    ),
    "something": (
        "WARNING is not shown\nERROR: the moon is full\nmore",
        "az aks show failed: WARNING is not shown",
        "",
    ),
    "something else": ("\n\nERROR: the moon is full\n", "az aks show failed: the moon is full", ""),
    "nothing": ("", "az aks show failed: it gave no reason", ""),
}


def runs(pid: int) -> bool:
    """Whether a process is there and is not merely waiting for its parent to notice its end."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_az_is_asked_for_json_and_nothing_else(az: FakeAz) -> None:
    az.answers("account show", ACCOUNT)

    assert json.loads(ask("account", "show")) == ACCOUNT
    assert az.calls == ["account show --output json --only-show-errors"]


@pytest.fixture
def _open_terminal() -> Iterator[None]:
    """A standard input on which nothing ever comes."""
    reading, writing = os.pipe()
    before = os.dup(0)
    os.dup2(reading, 0)
    yield
    os.dup2(before, 0)
    for descriptor in (reading, writing, before):
        os.close(descriptor)


@pytest.mark.usefixtures("_open_terminal")
def test_az_neither_colours_nor_waits_for_an_answer_nor_installs_anything(az: FakeAz) -> None:
    az.answers(
        "version",
        then='cat; echo "[\\"$AZURE_CORE_NO_COLOR\\", \\"$AZURE_EXTENSION_USE_DYNAMIC_INSTALL\\"]"',
    )

    assert json.loads(ask("version", timeout=2)) == ["true", "no"]


def test_without_az_the_page_that_tells_how_to_install_it_is_named(tools: Path) -> None:
    assert not (tools / "az").exists()

    with pytest.raises(LabError) as refused:
        ask("version")

    assert "(az) is not on PATH" in refused.value.message
    assert '"Install the Azure CLI"' in refused.value.remedy


def test_an_az_that_cannot_be_started_is_named(tools: Path) -> None:
    (tools / "az").write_text("no program")
    (tools / "az").chmod(0o755)

    with pytest.raises(LabError, match="az cannot be started: Exec format error"):
        ask("version")


@pytest.mark.parametrize(("complaint", "message", "remedy"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_of_az_is_told_with_its_cause(az: FakeAz, complaint: str, message: str, remedy: str) -> None:
    az.answers("aks show", error=complaint, code=1)

    with pytest.raises(LabError) as refused:
        ask("aks", "show", "--name", "aks-kim")

    assert message in refused.value.message
    assert remedy in refused.value.remedy
    assert "--name" not in refused.value.message
    assert not isinstance(refused.value, NotFoundError)


@pytest.mark.parametrize(
    "complaint",
    [
        "ERROR: (ResourceNotFound) The Resource 'x/aks-kim' under resource group 'rg-kim' was not found.",
        "ERROR: (ResourceGroupNotFound) Resource group 'rg-kim' could not be found.",
    ],
)
def test_what_azure_does_not_have_is_told_from_other_failures(az: FakeAz, complaint: str) -> None:
    az.answers("aks show", error=complaint, code=3)

    with pytest.raises(NotFoundError, match="rg-kim"):
        ask("aks", "show")


def test_an_az_that_hangs_is_ended_with_its_children(az: FakeAz, tmp_path: Path) -> None:
    note = tmp_path / "child"
    az.answers("aks show", then=f"sleep 60 & echo $! > {note}; wait")
    begin = time.monotonic()

    with pytest.raises(LabError, match="az aks show did not answer within 0 s"):
        ask("aks", "show", timeout=0.3)

    assert time.monotonic() - begin < 5
    child = int(note.read_text())
    while runs(child):
        assert time.monotonic() - begin < 5
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("", "its beginning"),
        ("<html>", "its beginning"),
        ("[]", "its beginning"),
        ('{"id": "5a0c"}', "name"),
        ('{"id": 7, "name": "x", "state": "Enabled", "user": {"name": "kim"}}', "id"),
        ('{"id": "7", "name": "x", "state": "Enabled", "user": null}', "user"),
    ],
)
def test_an_answer_that_is_not_azs_is_told_with_the_place(answer: str, place: str) -> None:
    with pytest.raises(LabError) as refused:
        read(Account, answer)

    assert f"cannot be read: at {place}" in refused.value.message
    assert refused.value.remedy.endswith("az upgrade")


def test_nulls_in_an_answer_are_nothing() -> None:
    found = read(Cluster, json.dumps(cluster(power=None)))

    assert (found.power, found.pools[0].priority, found.pools[1].priority) == ("", "", "Spot")
