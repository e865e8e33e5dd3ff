"""`lab lesson`: states of the stack by name, and a file that is otherwise left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from lab import cli, paths
from lab.errors import LabError
from lab.lesson import commands, lessons, stack_file
from lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
# What this class has.
config:
  istio-lab:target: embedded
  # The registry is shared.
  istio-lab:registryName: seoul   # by all
encryptionsalt: v1:abc=:def
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("# mine\nconfig:\n  istio-lab:target: embedded  # here\nencryptionsalt: v1:abc=:def\n")
    return file


@pytest.fixture
def ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(cli, "up", found.append)
    return found


def invoke(*words: str) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(commands.app, words)
    return result.output, None if isinstance(result.exception, SystemExit) else result.exception


def test_every_lesson_is_a_state_that_the_settings_allow() -> None:
    for each in lessons.every():
        assert Settings.from_mapping({"traffic": each.traffic}, source="a lesson").traffic is not None
        assert lessons.at(each.traffic) is each


@pytest.mark.parametrize("word", ["05", "05-timeout", "timeout"])
def test_a_lesson_is_found_by_number_name_or_word(word: str) -> None:
    assert lessons.find(word).name == "05-timeout"


@pytest.mark.parametrize("word", ["weights", "nothing", ""])
def test_what_names_no_single_lesson_is_refused_with_the_names_that_there_are(word: str) -> None:
    with pytest.raises(LabError, match=f'found "{word}"') as error:
        lessons.find(word)

    assert "07-circuit-breaker" in error.value.remedy


def test_defaults_that_are_written_out_are_the_same_lesson() -> None:
    written = {"reviews": {"v1": 80, "v2": 20, "v3": 0}, "reviewsByBrowser": False}

    assert lessons.at(written) is lessons.find("01")
    assert lessons.at({"reviews": {"v1": 81, "v2": 19}}) is None


def test_forth_and_back_leaves_the_file_byte_for_byte() -> None:
    text = FILE
    for each in (*lessons.every(), lessons.find("00")):
        text = stack_file.replaced(text, each.traffic)
        assert (yaml.safe_load(text)["config"].get(stack_file.KEY) or {}) == each.traffic

    assert text == FILE


@pytest.mark.parametrize("text", ["", "config:\n", "encryptionsalt: v1:a\n", "config:\n  istio-lab:target: embedded"])
def test_a_file_that_says_little_gets_the_setting_too(text: str) -> None:
    traffic = lessons.find("06").traffic

    assert yaml.safe_load(stack_file.replaced(text, traffic))["config"][stack_file.KEY] == traffic


@pytest.mark.parametrize(
    "text", ["config: {istio-lab:target: embedded}\n", "config:\n    istio-lab:traffic: {reviewsByBrowser: true}\n"]
)
def test_a_file_of_another_shape_is_not_touched(text: str) -> None:
    with pytest.raises(LabError, match="cannot be changed") as error:
        stack_file.replaced(text, {"order": {"timeout": "3s"}})

    assert "timeout: 3s" in error.value.remedy


def test_the_list_marks_where_the_stack_is(file: Path) -> None:
    output, _ = invoke("list")
    assert "* 00-untouched" in output

    file.write_text(stack_file.replaced(file.read_text(), {"reviews": {"v1": 55, "v2": 45}}))
    output, _ = invoke("list")
    assert "settings of its own" in output
    assert "* " not in output


def test_show_tells_what_to_see_and_what_would_change_and_changes_nothing(file: Path, ups: list[str]) -> None:
    before = file.read_text()
    output, _ = invoke("show", "05")

    assert "504 after three seconds" in output
    assert "+      timeout: 3s" in output
    assert (file.read_text(), ups) == (before, [])


def test_apply_changes_the_traffic_alone_and_stands_it_up(file: Path, ups: list[str]) -> None:
    before = file.read_text()
    output, error = invoke("apply", "01", "--yes")
    assert error is None
    assert "+      v1: 80" in output
    assert yaml.safe_load(file.read_text())["config"][stack_file.KEY] == {"reviews": {"v1": 80, "v2": 20}}
    assert ups == ["dev"]

    invoke("apply", "00", "--yes")
    assert file.read_text() == before


def test_apply_where_nobody_can_be_asked_changes_nothing(file: Path, ups: list[str]) -> None:
    before = file.read_text()
    _, error = invoke("apply", "01")

    assert isinstance(error, LabError)
    assert error.remedy == "add --yes"
    assert (file.read_text(), ups) == (before, [])


def test_a_lesson_on_what_is_not_there_is_refused_and_nothing_is_written(file: Path, ups: list[str]) -> None:
    file.write_text("config:\n  istio-lab:tutorial: {bookinfo: false}\n")
    _, error = invoke("apply", "01", "--yes")

    assert isinstance(error, LabError)
    assert "istio-lab:traffic.reviews" in error.message
    assert "traffic" not in file.read_text()
    assert ups == []


def test_an_up_that_fails_names_the_way_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_stack: str) -> None:
        raise LabError("pulumi ended with code 1")

    monkeypatch.setattr(cli, "up", fail)
    _, error = invoke("apply", "02", "--yes")

    assert isinstance(error, LabError)
    assert "lab lesson apply 00-untouched" in error.remedy
    assert stack_file.KEY in file.read_text()
