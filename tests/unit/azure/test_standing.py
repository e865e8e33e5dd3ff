"""What becomes of settings whose cluster stands already."""

from __future__ import annotations

from typing import Any

import pytest

from lab.core.errors import LabError
from lab.platforms.azure.standing import Plan, Pool, Standing, plan
from lab.settings.groups import Azure

AS_BUILT: dict[str, Any] = {"name": "system", "vmSize": "Standard_D4s_v5", "count": 2, "minCount": 2, "maxCount": 3}
SPOT = {"name": "spot", "vmSize": "Standard_D4s_v5", "count": 0, "minCount": 0, "maxCount": 3}


def standing(version: str = "1.36.5", pools: tuple[dict[str, Any], ...] = (SPOT, AS_BUILT)) -> Standing:
    answer = {"currentKubernetesVersion": version, "agentPoolProfiles": list(pools)}
    return Standing.of(answer, group="rg-kim", name="aks-kim")


def planned(version: str = "1.36", found: Standing | None = None, **azure: object) -> Plan:
    return plan(Azure.model_validate(azure, by_alias=True, by_name=False), version, found)


def test_a_new_cluster_is_what_the_settings_ask_for() -> None:
    found = planned(systemPool={"vmSize": "Standard_D8s_v5", "count": 1, "maxCount": 1})

    assert (found.version, found.pool, found.notes) == (
        "1.36",
        Pool(vm_size="Standard_D8s_v5", count=1, least=1, most=1),
        (),
    )


def test_nothing_is_said_of_a_cluster_that_is_as_it_should_be() -> None:
    found = planned(found=standing())

    assert (found.keeps_version, found.keeps_pool, found.notes) == (True, True, ())


@pytest.mark.parametrize(
    ("count", "most", "now", "expected"),
    [(2, 5, 2, (2, 2, 5)), (1, 3, 2, (2, 1, 3)), (4, 6, 2, (4, 4, 6)), (1, 1, 3, (1, 1, 1))],
)
def test_limits_of_the_autoscaler_are_changed_and_the_count_stays_within_them(
    count: int, most: int, now: int, expected: tuple[int, int, int]
) -> None:
    found = planned(found=standing(pools=({**AS_BUILT, "count": now},)), systemPool={"count": count, "maxCount": most})

    assert found.keeps_pool is False
    assert (found.pool.count, found.pool.least, found.pool.most) == expected


def test_another_vm_size_is_said_to_need_a_new_pool_and_how() -> None:
    found = planned(found=standing(), systemPool={"vmSize": "Standard_D8s_v5"})

    assert (found.pool.vm_size, found.keeps_pool) == ("Standard_D4s_v5", True)
    (note,) = found.notes
    assert note.startswith('istio-lab:azure.systemPool.vmSize: found "Standard_D8s_v5"; the nodes are Standard_D4s_v5')
    assert "az aks nodepool add --resource-group rg-kim --cluster-name aks-kim --name system2 --mode System" in note
    assert "az aks nodepool delete --resource-group rg-kim --cluster-name aks-kim --name system" in note


def test_the_same_vm_size_in_other_letters_is_the_same() -> None:
    assert planned(found=standing(pools=({**AS_BUILT, "vmSize": "standard_d4s_v5"},))).notes == ()


def test_a_cluster_whose_pool_somebody_has_replaced_is_left_alone_and_that_is_said() -> None:
    found = planned(found=standing(pools=({**AS_BUILT, "name": "system2"},)))

    assert found.keeps_pool is True
    (note,) = found.notes
    assert "no pool system any more" in note


@pytest.mark.parametrize("channel", ["none", "patch", "stable", "rapid"])
@pytest.mark.parametrize(
    ("wanted", "runs", "asked"),
    [("1.36", "1.37.2", "1.37"), ("1.36.3", "1.36.5", "1.36"), ("1.36.3", "1.37.1", "1.37")],
)
def test_a_version_is_never_lowered_whatever_the_channel_was(channel: str, wanted: str, runs: str, asked: str) -> None:
    found = planned(wanted, standing(runs), maintenance={"channel": channel})

    assert (found.version, found.keeps_version) == (asked, False)
    (note,) = found.notes
    assert f'found "{wanted}"; the cluster runs {runs}' in note


@pytest.mark.parametrize("channel", ["none", "patch"])
def test_the_next_minor_is_asked_for(channel: str) -> None:
    found = planned("1.37", standing("1.36.5"), maintenance={"channel": channel})

    assert (found.version, found.keeps_version, found.notes) == ("1.37", False, ())


def test_a_patch_is_left_to_the_channel() -> None:
    assert planned("1.36", standing("1.36.5"), maintenance={"channel": "patch"}).keeps_version is True
    assert planned("1.36", standing("1.36.5"), maintenance={"channel": "none"}).keeps_version is False


def test_a_version_that_is_too_far_ahead_is_refused_with_the_next_step() -> None:
    with pytest.raises(LabError, match=r'found "1.37"; the cluster runs 1.35.4, and AKS skips no minor') as refused:
        planned("1.37", standing("1.35.4"))

    assert refused.value.remedy.endswith('pulumi config set istio-lab:kubernetesVersion "1.36"')


@pytest.mark.parametrize("answer", [{}, {"agentPoolProfiles": None}, {"kubernetesVersion": "1.36"}])
def test_an_answer_that_says_little_refuses_nothing(answer: dict[str, Any]) -> None:
    assert planned(found=Standing.of(answer, group="g", name="c")).version == "1.36"
