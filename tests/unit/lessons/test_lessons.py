"""The lessons as they are written down, and a stack's file that is otherwise left as it was."""

from __future__ import annotations

import re

import pytest
import yaml
from pydantic import ValidationError
from typer.main import get_command

from lab.cli import app
from lab.core.errors import LabError
from lab.services.lessons import lessons, stack_file
from lab.services.lessons.lessons import Lesson, Subject
from lab.settings import Settings

FILE = """\
# What this class has.
config:
  istio-lab:target: embedded
  # The registry is shared.
  istio-lab:registryName: seoul   # by all
encryptionsalt: v1:abc=:def
"""


SAME = {"23-canary": "20-untouched"}
"""The example is a canary without any setting too."""


def traffic_of(number: str) -> dict[str, object]:
    return lessons.find(number).settings["traffic"]


def at_traffic(traffic: dict[str, object]) -> Lesson | None:
    return lessons.at(Subject.TRAFFIC, {"traffic": traffic})


def at_rollouts(rollouts: dict[str, object]) -> Lesson | None:
    return lessons.at(Subject.STRATEGIES, {"rollouts": rollouts})


def test_every_lesson_is_a_state_that_the_settings_allow() -> None:
    for each in lessons.every():
        assert Settings.from_mapping(each.settings, source="a lesson").traffic is not None
        assert lessons.at(each.subject, each.settings) is lessons.find(SAME.get(each.name, each.name))


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

    assert at_traffic(written) is lessons.find("01")
    assert at_traffic({"reviews": {"v1": 81, "v2": 19}}) is None


def test_forth_and_back_leaves_the_file_byte_for_byte() -> None:
    text = FILE
    for each in (*lessons.every(), lessons.find("00"), lessons.find("20")):
        for key, value in each.settings.items():
            text = stack_file.replaced(text, key, value)
            assert (yaml.safe_load(text)["config"].get(stack_file.full(key)) or {}) == value

    assert text == FILE


@pytest.mark.parametrize("text", ["", "config:\n", "encryptionsalt: v1:a\n", "config:\n  istio-lab:target: embedded"])
def test_a_file_that_says_little_gets_the_setting_too(text: str) -> None:
    traffic = traffic_of("06")

    changed = yaml.safe_load(stack_file.replaced(text, "traffic", traffic))
    assert changed["config"]["istio-lab:traffic"] == traffic


@pytest.mark.parametrize(
    "text", ["config: {istio-lab:target: embedded}\n", "config:\n    istio-lab:traffic: {reviewsByBrowser: true}\n"]
)
def test_a_file_of_another_shape_is_not_touched(text: str) -> None:
    with pytest.raises(LabError, match="cannot be changed") as error:
        stack_file.replaced(text, "traffic", {"order": {"timeout": "3s"}})

    assert "timeout: 3s" in error.value.remedy


def test_a_number_means_its_lesson_though_other_names_have_that_digit_too() -> None:
    assert lessons.find("7").name == "07-circuit-breaker"
    assert lessons.find("0").name == "00-untouched"


def test_wrong_settings_are_no_lessons() -> None:
    assert at_traffic({"reviews": {"v1": "eighty"}}) is None
    assert at_traffic({"revews": {}}) is None
    assert at_rollouts({"delivery": {"strategy": "canaries"}}) is None
    assert at_rollouts({"example": {"image": 5}}) is None


def test_the_values_of_the_notes_are_written_out() -> None:
    """What a student reads in the file is what the notes have, not a default that may change."""
    retries = {"enabled": True, "attempts": 3, "perTryTimeout": "2s"}
    retries["retryOn"] = "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream"
    breaker = {"interval": "10s", "consecutive5xxErrors": 1, "baseEjectionTime": "3m", "maxEjectionPercent": 100}

    assert [each.settings["traffic"] for each in lessons.every(Subject.TRAFFIC)] == [
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
    assert lessons.after(lessons.find("20")).name == "21-recreate"
    assert lessons.after(lessons.find("29")).name == "20-untouched"


def test_what_is_to_be_tried_begins_with_a_command_that_there_is() -> None:
    known = set(get_command(app.app).commands)  # type: ignore[attr-defined]
    tried = [command for each in lessons.every() for command in each.commands]

    assert {found[1] for command in tried if (found := re.match(r"lab (\w+)", command))} <= known
    assert all(command.startswith(("lab ", "kubectl ")) for command in tried)


def test_every_lesson_with_a_rule_ends_with_its_check() -> None:
    rules = [each for each in lessons.every(Subject.TRAFFIC) if each.settings["traffic"]]

    assert len(rules) == 7
    assert [each.commands[-1] for each in rules] == [f"lab check traffic.{each.name[3:]}" for each in rules]


def test_every_lesson_on_a_strategy_ends_with_its_check_but_for_those_that_only_prepare() -> None:
    prepares = {"20-untouched", "25-istio-canary-v1", "28-istio-blue-green-v1"}
    others = [each for each in lessons.every(Subject.STRATEGIES) if each.name not in prepares]

    assert len(others) == 7
    assert [each.commands[-1] for each in others] == [f"lab check strategies.{each.name[3:]}" for each in others]


def test_what_a_lesson_on_a_strategy_sets_is_written_out() -> None:
    assert {each.name: each.settings["rollouts"] for each in lessons.every(Subject.STRATEGIES)} == {
        "20-untouched": {},
        "21-recreate": {"delivery": {"strategy": "recreate", "version": "v2"}},
        "22-ramped": {"delivery": {"strategy": "ramped", "version": "v2"}},
        "23-canary": {"example": {"strategy": "canary"}},
        "24-blue-green": {"example": {"strategy": "blueGreen"}},
        "25-istio-canary-v1": {"delivery": {"strategy": "canary", "version": "v1"}},
        "26-istio-canary": {"delivery": {"strategy": "canary", "version": "v2"}},
        "27-istio-canary-failing": {"delivery": {"strategy": "canary", "version": "v3", "variant": "failing"}},
        "28-istio-blue-green-v1": {"delivery": {"strategy": "blueGreen", "version": "v1"}},
        "29-istio-blue-green": {"delivery": {"strategy": "blueGreen", "version": "v2"}},
    }


def test_what_no_lesson_says_stays_as_the_user_has_it_and_does_not_count() -> None:
    own: dict[str, object] = {
        "example": {"image": "nginx:1.29", "serviceType": "LoadBalancer", "sourceRanges": ["203.0.113.7/32"]},
        "delivery": {"pause": "3m", "analysis": {"window": "2m"}, "strategy": "recreate", "version": "v9"},
    }
    failing = lessons.find("27").onto({"rollouts": own})["rollouts"]

    assert failing["example"] == own["example"]
    assert failing["delivery"] == {
        "pause": "3m",
        "analysis": {"window": "2m"},
        "strategy": "canary",
        "version": "v3",
        "variant": "failing",
    }
    assert at_rollouts(own) is None
    assert at_rollouts(failing) is lessons.find("27")
    untouched = lessons.find("20").onto({"rollouts": failing})["rollouts"]
    assert untouched == {**own, "delivery": {"pause": "3m", "analysis": {"window": "2m"}}}
    assert at_rollouts(untouched) is lessons.find("20")


def test_groups_that_are_none_have_nothing_to_keep() -> None:
    present: dict[str, object] = {"enabled": True, "example": 5, "delivery": ["v2"]}

    assert lessons.find("20").onto({"rollouts": present}) == {"rollouts": {"enabled": True}}


def test_a_lesson_on_traffic_keeps_nothing_of_the_traffic_before() -> None:
    assert lessons.find("01").onto({"traffic": {"order": {"timeout": "3s"}}}) == lessons.find("01").settings


@pytest.mark.parametrize("settings", [{}, {"traffic": {}}, {"rollouts": {}, "traffic": {}}])
def test_a_lesson_that_does_not_set_just_the_keys_of_its_subject_is_refused(settings: dict[str, object]) -> None:
    given = {"name": "99-x", "subject": "strategies", "title": "x", "see": "x", "try": [], "settings": settings}
    with pytest.raises(ValidationError, match="must set rollouts and nothing else"):
        Lesson.model_validate(given)


def test_a_name_without_its_number_means_its_lesson_though_others_contain_it() -> None:
    assert lessons.find("canary").name == "23-canary"
    assert lessons.find("istio-canary").name == "26-istio-canary"
    with pytest.raises(LabError, match="which one of 00-untouched, 20-untouched"):
        lessons.find("untouched")


def test_a_file_with_the_line_ends_of_windows_keeps_them() -> None:
    text = FILE.replace("\n", "\r\n")
    there = stack_file.replaced(text, "traffic", traffic_of("06"))

    assert "\n" not in there.replace("\r\n", "")
    assert stack_file.replaced(there, "traffic", {}) == text


def test_a_secret_beside_the_setting_is_left_to_the_letter() -> None:
    encrypted = "  istio-lab:pw:\n    secure: v1:9cHZS0Fo9XvziRQE:XB6RcdPh2R/L4A8PrBHE2/M=\n"
    text = (
        f"config:\n  istio-lab:traffic:\n    reviews:\n      v2: 100\n{encrypted}secretsprovider: azurekeyvault://x\n"
    )

    assert stack_file.replaced(text, "traffic", {"order": {"timeout": "3s"}}) == text.replace(
        "    reviews:\n      v2: 100\n", "    order:\n      timeout: 3s\n"
    )


def test_two_settings_stand_side_by_side() -> None:
    text = FILE
    for key, value in (*lessons.find("06").settings.items(), *lessons.find("26").settings.items()):
        text = stack_file.replaced(text, key, value)
    assert stack_file.replaced(stack_file.replaced(text, "traffic", {}), "rollouts", {}) == FILE

    config = yaml.safe_load(text)["config"]
    assert config["istio-lab:rollouts"] == {"delivery": {"strategy": "canary", "version": "v2"}}
    assert config["istio-lab:traffic"] == traffic_of("06")
