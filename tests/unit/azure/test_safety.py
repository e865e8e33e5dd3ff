"""What the program says when it refuses an update on Azure: cause first, remedy last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.azure import safety
from lab.platforms.azure.power import ClusterId
from lab.settings.groups import ApiServer, Azure

if TYPE_CHECKING:
    from pathlib import Path

ME = ("203.0.113.7/32",)


def test_an_allowlist_with_nobody_on_it_is_refused_with_the_words_that_set_it() -> None:
    with pytest.raises(LabError) as refused:
        safety.require_reachable(Azure())

    assert refused.value.message.startswith("istio-lab:azure.allowedRanges: found []; allowed: at least one range")
    assert refused.value.remedy.endswith("pulumi config set --path 'istio-lab:azure.allowedRanges[0]' ADDRESS/32")


@pytest.mark.parametrize(
    "azure", [Azure(allowed_ranges=ME), Azure(api_server=ApiServer.PUBLIC), Azure(api_server=ApiServer.PRIVATE)]
)
def test_whoever_may_reach_the_api_server_is_enough(azure: Azure) -> None:
    safety.require_reachable(azure)


def test_kubelogin_is_needed_for_a_login_with_entra_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LabError) as refused:
        safety.require_kubelogin(Azure())
    safety.require_kubelogin(Azure(entra=False))
    (tmp_path / "kubelogin").write_text("#!/bin/sh\n")
    (tmp_path / "kubelogin").chmod(0o755)
    safety.require_kubelogin(Azure())

    assert refused.value.remedy == "az aks install-cli"


def test_az_is_needed_to_copy_images_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LabError, match=r"\(az\) is not on PATH, and istio-lab:azure\.importImages is true") as refused:
        safety.require_cli(Azure())
    safety.require_cli(Azure(import_images=False))
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)
    safety.require_cli(Azure())

    assert refused.value.remedy.endswith("pulumi config set --path istio-lab:azure.importImages false")


def test_a_stopped_cluster_is_started_by_lab_or_by_az() -> None:
    error = safety.stopped(ClusterId(subscription="s", resource_group="rg-kim", name="aks-kim"), "kim")

    assert error.message == "AKS cluster aks-kim is stopped"
    assert error.remedy == (
        "start it with: lab start --stack kim, or: az aks start -g rg-kim -n aks-kim --subscription s"
    )


@pytest.mark.parametrize(
    "complaint",
    [
        'invoke failed: Status=404 Code="ResourceNotFound" Message="The Resource was not found."',
        "RESPONSE 404: 404 Not Found ERROR CODE: ResourceGroupNotFound",
    ],
)
def test_a_cluster_that_is_not_there_is_told_from_an_answer_that_is_missing(complaint: str) -> None:
    assert safety.is_absence(complaint)
    assert not safety.is_absence("Please run 'az login' to setup account.")


@pytest.mark.parametrize(
    ("complaint", "said"),
    [
        ("Please run 'az login' to setup account.", "NotLoggedIn: Nobody is logged in to Azure on this machine."),
        ("AADSTS700082: The refresh token has expired", "LoginExpired: Azure does not accept the login any more"),
        ("something\n  nobody knows", "Azure cannot be asked with this login: something nobody knows"),
    ],
)
def test_a_question_without_an_answer_names_az_login(complaint: str, said: str) -> None:
    error = safety.unanswered(complaint)

    assert error.message.startswith(said)
    assert error.remedy.startswith("az login")


def test_a_replacement_without_a_visible_cause_is_told_all_the_same() -> None:
    error = safety.replacement("cluster", {"tags": {}}, {"tags": {"a": "b"}}, stack="kim")

    assert error.message == "this update would replace cluster, with all that is in it"
    assert error.remedy.startswith("undo the change in Pulumi.kim.yaml; or lose it on purpose: pulumi config set")
