"""The doctor on Azure: what it asks, what it leaves out when it cannot ask, and how it shows what came out."""

from __future__ import annotations

import dataclasses
import io
import time
from typing import TYPE_CHECKING

import pytest

from lab.cli import doctor
from lab.platforms.azure.checks import AzureNeeds, Check, Verdict
from lab.services.preflight import examine, passed
from tests.unit.azure.support import (
    ACCOUNT,
    CONTRIBUTOR,
    OWNER,
    POLICIES,
    SUBSCRIPTION,
    VERSIONS,
    FakeAz,
    providers,
    usages,
    vm_size,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from lab.core.progress import Progress

NEEDS = AzureNeeds(
    subscription="Course 2026",
    location="koreacentral",
    kubernetes_version="1.36",
    vm_size="Standard_D4s_v5",
    nodes=2,
    spot_vm_size="Standard_D2s_v5",
    spot_nodes=1,
    entra=True,
)


@pytest.fixture
def healthy(az: FakeAz, tools: Path) -> FakeAz:
    """An Azure in which all is well."""
    (tools / "kubelogin").write_text("#!/bin/sh\n")
    (tools / "kubelogin").chmod(0o755)
    az.answers("version", {"azure-cli": "2.80.0", "extensions": {}})
    az.answers("account show", ACCOUNT)
    az.answers("rest *subscriptions/*?api-version=2022-12-01", POLICIES)
    az.answers("rest *permissions?api-version=2022-04-01", OWNER)
    az.answers("provider list", providers())
    az.answers("vm list-usage", usages())
    az.answers("vm list-skus *--size Standard_D4s_v5", [vm_size()])
    az.answers("vm list-skus *--size Standard_D2s_v5", [vm_size("Standard_D2s_v5", 2)])
    az.answers("aks get-versions", VERSIONS)
    return az


def verdicts(results: list[Check]) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in results}


def test_when_all_is_well_every_check_says_so(healthy: FakeAz, progress: Progress) -> None:
    results = examine(NEEDS, progress)

    assert list(verdicts(results)) == [
        "Azure CLI",
        "subscription",
        "offer",
        "resource providers",
        "VM size",
        "vCPU quota",
        "Spot VM size",
        "Spot vCPU quota",
        "Kubernetes version",
        "right to assign roles",
        "kubelogin",
    ]
    assert set(verdicts(results).values()) == {Verdict.OK}
    assert passed(results)
    assert len(healthy.calls) == len({*healthy.calls}) + 1, "only the quota, which two pools need, is asked twice"


def test_every_question_is_about_the_subscription_that_was_found(healthy: FakeAz, progress: Progress) -> None:
    examine(NEEDS, progress)

    questions = [call for call in healthy.calls if not call.startswith(("version", "account"))]
    assert len(questions) == 8
    assert [call for call in questions if SUBSCRIPTION not in call] == []


def test_a_lab_without_spot_pool_and_entra_asks_less(healthy: FakeAz, progress: Progress) -> None:
    plain = dataclasses.replace(NEEDS, spot_vm_size=None, spot_nodes=0, entra=False)

    names = set(verdicts(examine(plain, progress)))

    assert names.isdisjoint({"Spot VM size", "Spot vCPU quota", "kubelogin"})
    assert len(healthy.asked("vm list-skus")) == 1


def test_without_az_only_what_needs_no_az_is_looked_at(tools: Path, progress: Progress) -> None:
    assert not (tools / "az").exists()

    assert verdicts(examine(NEEDS, progress)) == {"Azure CLI": Verdict.FAILED, "kubelogin": Verdict.WARNING}


def test_without_a_login_nothing_more_is_asked(healthy: FakeAz, progress: Progress) -> None:
    healthy.answers("account show", error="ERROR: Please run 'az login' to setup account.", code=1)

    results = examine(NEEDS, progress)

    assert verdicts(results) == {"Azure CLI": Verdict.OK, "login": Verdict.FAILED, "kubelogin": Verdict.OK}
    assert results[1].remedy == "az login"
    assert len(healthy.calls) == 2


def test_in_another_subscription_nothing_more_is_asked(healthy: FakeAz, progress: Progress) -> None:
    results = examine(dataclasses.replace(NEEDS, subscription="Research"), progress)

    assert verdicts(results)["subscription"] == Verdict.FAILED
    assert len(healthy.calls) == 2


def test_a_question_that_fails_spoils_its_own_check_only(healthy: FakeAz, progress: Progress) -> None:
    healthy.answers("aks get-versions", "<html>")
    healthy.answers("provider list", error="ERROR: the moon is full", code=1)

    results = examine(NEEDS, progress)

    bad = {check.name: check.found for check in results if check.verdict == Verdict.FAILED}
    assert list(bad) == ["resource providers", "Kubernetes versions"]
    assert "the moon is full" in bad["resource providers"]
    assert "cannot be read" in bad["Kubernetes versions"]


@pytest.mark.parametrize(
    ("begin", "answer", "name"),
    [
        ("rest *permissions", CONTRIBUTOR, "right to assign roles"),
        ("provider list", providers(Compute="NotRegistered"), "resource providers"),
        ("vm list-usage", usages(regional=19), "vCPU quota"),
        ("vm list-usage", usages(spot=19), "Spot vCPU quota"),
        ("vm list-skus *--size Standard_D4s_v5", [], "VM size"),
        ("vm list-skus *--size Standard_D2s_v5", [], "Spot VM size"),
        ("aks get-versions", {"values": []}, "Kubernetes version"),
    ],
)
def test_one_thing_that_is_not_well_is_found_and_is_not_well(
    healthy: FakeAz, progress: Progress, begin: str, answer: object, name: str
) -> None:
    healthy.answers(begin, answer)

    results = examine(NEEDS, progress)

    assert [check.name for check in results if check.verdict != Verdict.OK] == [name]
    assert not passed(results)


def test_a_warning_is_no_reason_to_stop(healthy: FakeAz, progress: Progress) -> None:
    trial = {"quotaId": "FreeTrial_2014-09-01", "spendingLimit": "On"}
    healthy.answers("rest *?api-version=2022-12-01", {"subscriptionPolicies": trial})

    results = examine(NEEDS, progress)

    assert verdicts(results)["offer"] == Verdict.WARNING
    assert passed(results)


def test_questions_are_asked_at_the_same_time(healthy: FakeAz, progress: Progress) -> None:
    for begin, answer in (("aks get-versions", VERSIONS), ("provider list", providers()), ("vm list-usage", usages())):
        healthy.answers(begin, answer, then="sleep 1")
    start = time.monotonic()

    examine(NEEDS, progress)

    assert time.monotonic() - start < 3.5, "four sleeps one after the other are 4 s"


def test_a_remedy_can_be_copied_whole_and_brackets_are_kept(console: Console) -> None:
    command = "az account list --query '[].name' " + "x" * 300
    bad = Check(name="one", verdict=Verdict.FAILED, found="use [az aks get-versions]", remedy=command)

    doctor.show_checks([bad])

    shown = console.file.getvalue() if isinstance(console.file, io.StringIO) else ""
    assert f"one: {command}\n" in shown
    assert "use [az aks get-versions]" in shown
