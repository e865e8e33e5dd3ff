"""`azure.budget.maxPerHour`: a plan that may cost more is refused before anything is made."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from lab import toolchain
from lab.adapters import workspace
from lab.adapters.stack import Stack
from lab.cli import app
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import plugin
from lab.platforms.azure.cost import limit, prices
from lab.platforms.azure.cost.estimate import estimate
from lab.services import azure_updates
from lab.toolchain import artifacts, dashboards
from tests.unit.cost.support import settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cost.listed import PriceList

AT_MOST = Decimal("0.8411")
"""Of the defaults, by the table; test_estimate keeps it in a golden file."""


def held(most: float, **azure: object) -> None:
    limit.hold(settings(azure={**azure, "budget": {"maxPerHour": most}}), stack="kim")


def test_the_defaults_cost_at_most_this() -> None:
    assert estimate(settings(), prices.table()).at_most == AT_MOST


@pytest.mark.parametrize("most", [0, 0.8411, 0.85, 1000])
def test_what_costs_no_more_than_the_limit_goes_on(most: float) -> None:
    held(most)


@pytest.mark.parametrize("most", [0.0001, 0.5, 0.6, 0.841])
def test_what_may_cost_more_is_refused_with_its_largest_lines(most: float) -> None:
    with pytest.raises(LabError) as refused:
        held(most)

    first, *lines = refused.value.message.splitlines()
    assert first == (
        f"istio-lab:azure.budget.maxPerHour is {most}, but this plan may cost 0.8411 USD an hour; most of it:"
    )
    assert lines == [
        "  system pool: 3 Standard_D4s_v5, 0.6900",
        "  system pool disks: 3 64 GiB, 0.0891",
        "  load balancer: 1 the way out, 0.0250",
    ]
    assert "pulumi config set --stack kim --path istio-lab:azure.budget.maxPerHour 0.8411" in refused.value.remedy


def test_what_counts_is_what_the_autoscaler_may_reach() -> None:
    found = estimate(settings(), prices.table())
    between = 0.7
    assert found.per_hour < between < found.at_most

    with pytest.raises(LabError, match="may cost"):
        held(between)
    held(between, systemPool={"count": 2, "maxCount": 2})


def test_a_full_spot_pool_counts() -> None:
    held(0.9)

    with pytest.raises(LabError, match=r"may cost 1\.0577 USD"):
        held(0.9, spotPool={"enabled": True})


def test_a_price_that_the_table_lacks_is_asked_for(listed: PriceList) -> None:
    chosen: dict[str, object] = {"ingressRanges": ["203.0.113.0/24"]}  # a sixth rule, of which the table has no price

    held(1, **chosen)
    assert listed.asked
    with pytest.raises(LabError, match="may cost"):
        held(0.1, **chosen)


def test_the_list_is_not_asked_when_the_table_knows_everything(listed: PriceList) -> None:
    held(1)

    assert listed.asked == []


def test_without_a_limit_nothing_is_reckoned(listed: PriceList) -> None:
    limit.hold(settings(azure={"location": "koreacentral"}), stack="kim")

    assert listed.asked == []


@pytest.mark.parametrize("target", ["embedded", "kubeconfig"])
def test_what_does_not_stand_on_azure_has_no_limit(target: str) -> None:
    chosen = settings(
        target=target,
        kubeconfig={"file": "config", "context": "desk"},
        azure={"budget": {"maxPerHour": 0.0001}, "location": "koreacentral"},
    )

    limit.hold(chosen, stack="kim")


def test_a_limit_cannot_be_held_without_prices_and_says_how_to_go_on() -> None:
    with pytest.raises(LabError) as refused:
        held(1, location="koreacentral")

    message, remedy = refused.value.message, refused.value.remedy
    assert message.startswith("istio-lab:azure.budget.maxPerHour is 1.0, and cannot be held: ")
    assert "no price is known of node Standard_D4s_v5 with istio-lab:azure.location koreacentral" in message
    assert "Azure's price list does not answer" in message
    assert "pulumi config rm --stack kim --path istio-lab:azure.budget.maxPerHour" in remedy


def test_a_limit_cannot_be_held_when_azure_does_not_know_the_price_either(listed: PriceList) -> None:
    with pytest.raises(LabError, match="cannot be held"):
        held(1, location="koreacentral")
    assert listed.asked


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a command brought or made. Nothing is: the first thing that comes for Azure ends it."""
    done: list[str] = []

    def first(*_: object, **__: object) -> None:
        done.append("plugin")
        raise LabError("that is enough")

    def nothing(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    for module, name in ((toolchain, "ensure"), (artifacts, "ensure"), (dashboards, "ensure"), (workspace, "prepare")):
        monkeypatch.setattr(module, name, nothing)
    for name in ("ensure", "require_unlocked"):
        monkeypatch.setattr(Stack, name, nothing)
    monkeypatch.setattr(plugin, "ensure", first)
    return done


def written(folder: Path, most: str) -> None:
    azure = {"budget": {"maxPerHour": most}}
    config = {"istio-lab:target": "azure", "istio-lab:azure": azure}
    (folder / "Pulumi.kim.yaml").write_text(yaml.safe_dump({"config": config}))


@pytest.mark.parametrize("command", ["up", "preview"])
def test_a_command_refuses_before_anything_is_brought_for_azure(command: str, tmp_path: Path, made: list[str]) -> None:
    written(tmp_path, "0.5")

    failure = CliRunner().invoke(app.app, [command, "--stack", "kim"]).exception

    assert isinstance(failure, LabError)
    assert failure.message.startswith("istio-lab:azure.budget.maxPerHour is 0.5, but this plan may cost 0.8411 USD")
    assert made == []


@pytest.mark.parametrize("command", ["up", "preview"])
def test_a_command_goes_on_within_the_limit(command: str, tmp_path: Path, made: list[str]) -> None:
    written(tmp_path, "0.9")

    failure = CliRunner().invoke(app.app, [command, "--stack", "kim"]).exception

    assert isinstance(failure, LabError)
    assert failure.message == "that is enough"
    assert made == ["plugin"]


def test_what_is_planned_needs_nobody_on_the_allowlist_yet(tmp_path: Path, made: list[str]) -> None:
    written(tmp_path, "0")

    assert azure_updates.planned(Stack("kim")).azure.budget.max_per_hour == 0
    assert made == []
