"""`lab lesson` as people type it; nothing is stood up here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from lab import cli, paths
from lab.errors import LabError
from lab.lesson import commands, stack_file

if TYPE_CHECKING:
    from pathlib import Path


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


def test_an_up_that_fails_on_settings_of_ones_own_names_their_lines(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_stack: str) -> None:
        raise LabError("pulumi ended with code 1", "make recover")

    file.write_text("config:\n  istio-lab:traffic:\n    reviews:\n      v3: 100\n")
    monkeypatch.setattr(cli, "up", fail)
    output, error = invoke("apply", "02", "--yes")

    assert isinstance(error, LabError)
    assert error.remedy == "make recover; the way back is: the former lines of Pulumi.dev.yaml"
    assert "-      v3: 100" in output


def test_where_the_stack_is_already_nothing_is_written_but_it_is_stood_up(file: Path, ups: list[str]) -> None:
    file.write_text("config:\n  istio-lab:traffic: {reviews: {v1: 80, v2: 20}}  # mine\n")
    before = file.read_bytes()
    output, error = invoke("apply", "01")

    assert error is None
    assert "are those of this lesson" in output
    assert (file.read_bytes(), ups) == (before, ["dev"])


def test_line_ends_of_windows_come_through_apply(file: Path, ups: list[str]) -> None:
    before = file.read_bytes().replace(b"\n", b"\r\n")
    file.write_bytes(before)
    for name in ("01", "07", "00"):
        invoke("apply", name, "--yes")

    assert file.read_bytes() == before
    assert len(ups) == 3


def test_a_person_who_says_no_keeps_the_file(file: Path, ups: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def no(question: str, **_others: bool) -> None:
        asked.append(question)
        raise commands.typer.Abort

    before = file.read_bytes()
    monkeypatch.setattr(commands, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(commands.typer, "confirm", no)
    invoke("apply", "01")

    assert asked == ["Change this?"]
    assert (file.read_bytes(), ups) == (before, [])


def test_wrong_settings_of_now_are_ones_own_and_a_lesson_is_the_way_out(file: Path, ups: list[str]) -> None:
    file.write_text("config:\n  istio-lab:target: embedded\n  istio-lab:traffic: {reviews: {v1: eighty}}\n")

    assert "settings of its own" in invoke("list")[0]
    assert invoke("apply", "00", "--yes")[1] is None
    assert (file.read_text(), ups) == ("config:\n  istio-lab:target: embedded\n", ["dev"])


def test_settings_written_as_json_text_are_understood(file: Path, ups: list[str]) -> None:
    given = json.dumps({"reviews": {"v2": 100}})
    file.write_text(f"config:\n  istio-lab:target: embedded\n  istio-lab:traffic: '{given}'\n")

    assert "* 03-weights-all-v2" in invoke("list")[0]
    assert invoke("apply", "00", "--yes")[1] is None
    assert (file.read_text(), ups) == ("config:\n  istio-lab:target: embedded\n", ["dev"])


@pytest.mark.parametrize("text", ["config: [\n", "config: 5\n", "- 1\n", "config:\n  istio-lab:traffic: some words\n"])
@pytest.mark.parametrize("words", [("list",), ("show", "01"), ("apply", "01", "--yes")])
def test_a_file_that_cannot_be_read_is_a_message_and_stays(
    text: str, words: tuple[str, ...], file: Path, ups: list[str]
) -> None:
    file.write_text(text)
    _, error = invoke(*words)

    assert isinstance(error, LabError)
    assert "Pulumi.dev.yaml" in error.message
    assert (file.read_text(), ups) == (text, [])


def test_another_stack_is_named_in_every_command_that_is_told(file: Path, ups: list[str]) -> None:
    file.with_name("Pulumi.class.yaml").write_text("config:\n  istio-lab:target: embedded\n")
    output, error = invoke("apply", "01", "--stack", "class", "--yes")

    assert error is None
    assert "  lab curl --stack class --from productpage.tutorial" in output
    assert "  lab check --stack class traffic.weights-80-20" in output
    assert "Next  lab lesson apply 02-weights-30-70 --stack class" in output
    assert ups == ["class"]
    assert "traffic" not in file.read_text()


def test_show_has_the_settings_where_nothing_would_change_too(file: Path) -> None:
    file.write_text(stack_file.replaced(file.read_text(), {"order": {"timeout": "3s"}}))
    output, _ = invoke("show", "05")

    assert "  istio-lab:traffic:\n    order:\n      timeout: 3s\n" in output
    assert "are those of this lesson" in output
    assert "lab lesson apply" not in output


@pytest.mark.parametrize("name", ["list", "show", "apply"])
def test_every_command_teaches_by_an_example(name: str) -> None:
    assert f"lab lesson {name}" in " ".join(invoke(name, "--help")[0].split())
