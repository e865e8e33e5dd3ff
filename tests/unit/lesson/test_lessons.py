"""The lessons as they are written down, and a stack's file that is otherwise left as it was."""

from __future__ import annotations

import re

import pytest
import yaml
from typer.main import get_command

from lab import cli
from lab.errors import LabError
from lab.lesson import lessons, stack_file
from lab.settings import Settings

FILE = """\
# What this class has.
config:
  istio-lab:target: embedded
  # The registry is shared.
  istio-lab:registryName: seoul   # by all
encryptionsalt: v1:abc=:def
"""


def test_every_lesson_is_a_state_that_the_settings_allow() -> None:
    for each in lessons.every():
        assert Settings.from_mapping({"traffic": each.traffic}, source="a lesson").traffic is not None
        assert lessons.at(each.traffic) is each


@pytest.mark.parametrize("word", ["05", "5", "05-timeout", "05-t", "timeout"])
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


def test_a_number_means_its_lesson_though_other_names_have_that_digit_too() -> None:
    assert lessons.find("7").name == "07-circuit-breaker"
    assert lessons.find("0").name == "00-untouched"


def test_wrong_settings_are_no_lessons() -> None:
    assert lessons.at({"reviews": {"v1": "eighty"}}) is None
    assert lessons.at({"revews": {}}) is None


def test_the_values_of_the_notes_are_written_out() -> None:
    """What a student reads in the file is what the notes have, not a default that may change."""
    retries = {"enabled": True, "attempts": 3, "perTryTimeout": "2s"}
    retries["retryOn"] = "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream"
    breaker = {"interval": "10s", "consecutive5xxErrors": 1, "baseEjectionTime": "3m", "maxEjectionPercent": 100}

    assert [each.traffic for each in lessons.every()] == [
        {},
        {"reviews": {"v1": 80, "v2": 20}},
        {"reviews": {"v1": 30, "v2": 70}},
        {"reviews": {"v2": 100}},
        {"reviewsByBrowser": True},
        {"order": {"timeout": "3s"}},
        {"order": {"timeout": "3s", "retries": retries}},
        {"deliveryCircuitBreaker": {"enabled": True, **breaker}},
    ]


def test_a_lesson_is_followed_by_the_next_and_the_last_by_the_way_back() -> None:
    assert lessons.after(lessons.find("00")).name == "01-weights-80-20"
    assert lessons.after(lessons.find("07")).name == "00-untouched"


def test_what_is_to_be_tried_begins_with_a_command_that_there_is() -> None:
    known = set(get_command(cli.app).commands)  # type: ignore[attr-defined]
    tried = [command for each in lessons.every() for command in each.commands]

    assert {found[1] for command in tried if (found := re.match(r"lab (\w+)", command))} <= known
    assert all(command.startswith(("lab ", "kubectl ")) for command in tried)


def test_every_lesson_with_a_rule_ends_with_its_check() -> None:
    rules = [each for each in lessons.every() if each.traffic]

    assert [each.commands[-1] for each in rules] == [f"lab check traffic.{each.name[3:]}" for each in rules]


def test_a_file_with_the_line_ends_of_windows_keeps_them() -> None:
    text = FILE.replace("\n", "\r\n")
    there = stack_file.replaced(text, lessons.find("06").traffic)

    assert "\n" not in there.replace("\r\n", "")
    assert stack_file.replaced(there, {}) == text


def test_a_secret_beside_the_setting_is_left_to_the_letter() -> None:
    encrypted = "  istio-lab:pw:\n    secure: v1:9cHZS0Fo9XvziRQE:XB6RcdPh2R/L4A8PrBHE2/M=\n"
    text = (
        f"config:\n  istio-lab:traffic:\n    reviews:\n      v2: 100\n{encrypted}secretsprovider: azurekeyvault://x\n"
    )

    assert stack_file.replaced(text, {"order": {"timeout": "3s"}}) == text.replace(
        "    reviews:\n      v2: 100\n", "    order:\n      timeout: 3s\n"
    )
