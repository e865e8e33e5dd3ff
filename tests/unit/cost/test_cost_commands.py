"""`lab cost` as people type it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from lab.cli import app
from lab.cli import cost as commands
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure.cost.estimate import Course, Share
from tests.unit.cost.support import elsewhere, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cost.listed import PriceList


@pytest.fixture(autouse=True)
def _stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setattr(commands.console, "_width", 80)


def configured(folder: Path, **values: object) -> None:
    config = {f"istio-lab:{key}": value for key, value in {"target": "azure", **values}.items()}
    (folder / "Pulumi.kim.yaml").write_text(yaml.safe_dump({"config": config}))


def cost(*options: str) -> str:
    result = CliRunner().invoke(app.app, ["cost", "--stack", "kim", *options])
    if isinstance(result.exception, LabError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def plain(*options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cost("--json", *options))
    return found


def test_the_table_is_used_when_only_it_may_be(tmp_path: Path, listed: PriceList) -> None:
    configured(tmp_path)

    assert "0.5814" in cost("--offline")
    assert listed.asked == []


def test_the_list_is_asked_first_and_the_day_is_said(tmp_path: Path, listed: PriceList) -> None:
    configured(tmp_path)
    found = plain()

    assert listed.asked
    sources = {line["source"] for line in found["stacks"][0]["lines"] if line["source"]}
    assert sources == {"Azure's price list, asked on this day"}
    assert found["perHour"] == pytest.approx(0.5814 - 2 * (0.0297 - 0.0154))
    assert found["notes"] == []


def test_without_the_list_the_table_is_used_and_people_are_told_why(tmp_path: Path) -> None:
    configured(tmp_path)
    output = " ".join(cost().split())

    assert "Azure's price list does not answer: " in output
    assert "So the prices are those of the repository's table." in output
    assert "0.5814" in output


def test_the_table_fills_in_what_the_list_does_not_say(tmp_path: Path, listed: PriceList) -> None:
    configured(tmp_path)
    listed.rows = [each for each in listed.rows if each["serviceName"] != "Container Registry"]

    dates = {line["resource"]: line["date"] for line in plain()["stacks"][0]["lines"]}
    assert dates["registry"] == "2026-10-03"
    assert dates["system pool"] > "2026-11-23"
    with pytest.raises(LabError, match="no price is known of registry Basic") as refused:
        cost("--online")
    assert "Azure's price list does not have it either" in refused.value.remedy


def test_only_the_list_means_only_the_list(tmp_path: Path) -> None:
    configured(tmp_path)

    with pytest.raises(LabError, match="Azure's price list does not answer"):
        cost("--online")


def test_a_region_without_prices_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    configured(tmp_path, azure={"location": "koreacentral"})

    with pytest.raises(LabError, match="no price is known of node Standard_D4s_v5") as refused:
        cost("--offline")
    assert "lab cost --online" in refused.value.remedy


def test_a_price_that_nobody_could_be_asked_for_is_told_with_both_reasons(tmp_path: Path) -> None:
    configured(tmp_path, azure={"location": "koreacentral"})

    with pytest.raises(LabError) as refused:
        cost()
    assert "no price is known of node Standard_D4s_v5" in refused.value.message
    assert "Azure's price list does not answer" in refused.value.message


def test_a_stack_of_this_machine_costs_nothing_and_nobody_is_asked(tmp_path: Path, listed: PriceList) -> None:
    configured(tmp_path, target="embedded")

    assert "nothing is billed" in cost()
    assert plain()["perHour"] == 0
    assert plain()["savings"] == []
    assert listed.asked == []


def test_the_course_is_as_long_as_is_said(tmp_path: Path) -> None:
    configured(tmp_path)

    usual, other = plain("--offline"), plain("--offline", "--hours-per-day", "6", "--days", "2")
    assert (usual["course"]["hoursPerDay"], usual["course"]["days"]) == (Course().hours_per_day, Course().days)
    assert (other["course"]["hoursPerDay"], other["course"]["days"]) == (6, 2)
    assert other["course"]["perDay"]["takenDownAfterClass"] == pytest.approx(6 * 0.5814, abs=0.01)
    assert other["course"]["perCourse"]["leftRunning"] == pytest.approx(48 * 0.5814, abs=0.01)


@pytest.mark.parametrize(
    "options", [["--hours-per-day", "0"], ["--hours-per-day", "25"], ["--days", "0"], ["--days", "x"]]
)
def test_a_course_that_cannot_be_is_refused(tmp_path: Path, options: list[str]) -> None:
    configured(tmp_path)

    assert CliRunner().invoke(app.app, ["cost", "--stack", "kim", *options]).exit_code == 2


def test_the_help_names_the_course_that_is_usual() -> None:
    shown = " ".join(CliRunner().invoke(app.app, ["cost", "--help"], env={"COLUMNS": "200"}).output.split())

    assert f"[default: ({Course().hours_per_day})]" in shown
    assert f"[default: ({Course().days})]" in shown


def test_the_lines_of_the_json_are_the_sum(tmp_path: Path) -> None:
    configured(tmp_path, azure={"spotPool": {"enabled": True}, "tier": "Standard"})
    found = plain("--offline")
    (stack,) = found["stacks"]

    for key in ("perHour", "atMost", "whileStopped"):
        assert sum(line[key] for line in stack["lines"]) == pytest.approx(found[key])
    assert all(line["source"] and line["date"] for line in stack["lines"] if line["each"])


def test_a_setting_that_is_wrong_is_told_with_its_file(tmp_path: Path) -> None:
    configured(tmp_path, azure={"location": "West Europe"})

    with pytest.raises(LabError, match=r"Pulumi\.kim\.yaml: 1 setting is wrong"):
        cost("--offline")


def test_a_class_is_shown_with_a_row_for_each_stack(capsys: pytest.CaptureFixture[str]) -> None:
    shares = [
        Share(stack="platform", settings=settings(), platform=True),
        Share(stack="kim", settings=elsewhere()),
        Share(stack="lee", settings=elsewhere()),
    ]

    commands.show(shares, Course(), of_class=True, as_json=True, online=False)
    found = json.loads(capsys.readouterr().out)
    assert [stack["stack"] for stack in found["stacks"]] == ["platform", "kim", "lee"]
    assert (found["perHour"], found["perStudent"]) == (0.5814, 0.2907)


def test_a_class_without_a_cluster_of_its_own_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    commands.show([Share(stack="kim", settings=elsewhere())], Course(), of_class=True, as_json=True, online=None)

    assert json.loads(capsys.readouterr().out)["perHour"] == 0
