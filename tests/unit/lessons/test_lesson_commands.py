"""`lab lesson` as people type it; nothing is stood up here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from lab.cli import lesson, lifecycle, meeting
from lab.core import paths
from lab.core.errors import LabError
from lab.services.lessons import foreign, lessons, stack_file

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
    monkeypatch.setattr(lifecycle, "up", found.append)
    return found


def invoke(*words: str) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(lesson.app, words)
    return result.output, None if isinstance(result.exception, SystemExit) else result.exception


def test_the_list_marks_where_the_stack_is(file: Path) -> None:
    output, _ = invoke("list")
    assert "* 00-untouched" in output

    file.write_text(stack_file.replaced(file.read_text(), "traffic", {"reviews": {"v1": 55, "v2": 45}}))
    output, _ = invoke("list")
    traffic, _, strategies = output.partition("strategies\n")
    assert "settings of its own" in traffic
    assert "* " not in traffic
    assert "* 20-untouched" in strategies
    assert "settings of its own" not in strategies


def test_the_list_marks_one_lesson_of_each_subject(file: Path) -> None:
    for number in ("05", "27"):
        for key, value in lessons.find(number).settings.items():
            file.write_text(stack_file.replaced(file.read_text(), key, value))
    starred = [line for line in invoke("list")[0].splitlines() if line.startswith("*")]

    assert [line.split()[1] for line in starred] == ["05-timeout", "27-istio-canary-failing"]


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
    assert yaml.safe_load(file.read_text())["config"]["istio-lab:traffic"] == {"reviews": {"v1": 80, "v2": 20}}
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

    monkeypatch.setattr(lifecycle, "up", fail)
    _, error = invoke("apply", "02", "--yes")

    assert isinstance(error, LabError)
    assert "lab lesson apply 00-untouched" in error.remedy
    assert "istio-lab:traffic" in file.read_text()


def test_an_up_that_fails_on_settings_of_ones_own_names_their_lines(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_stack: str) -> None:
        raise LabError("pulumi ended with code 1", "make recover")

    file.write_text("config:\n  istio-lab:traffic:\n    reviews:\n      v3: 100\n")
    monkeypatch.setattr(lifecycle, "up", fail)
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
        raise lesson.typer.Abort

    before = file.read_bytes()
    monkeypatch.setattr(lesson, "_is_interactive", lambda: True)
    monkeypatch.setattr(lesson.typer, "confirm", no)
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
    file.write_text(stack_file.replaced(file.read_text(), "traffic", {"order": {"timeout": "3s"}}))
    output, _ = invoke("show", "05")

    assert "  istio-lab:traffic:\n    order:\n      timeout: 3s\n" in output
    assert "are those of this lesson" in output
    assert "lab lesson apply" not in output


@pytest.mark.parametrize("name", ["list", "show", "apply"])
def test_every_command_teaches_by_an_example(name: str) -> None:
    assert f"lab lesson {name}" in " ".join(invoke(name, "--help")[0].split())


def test_a_strategy_changes_the_rollouts_alone_and_keeps_what_no_lesson_says(file: Path, ups: list[str]) -> None:
    file.write_text(
        "config:\n  istio-lab:traffic: {reviews: {v2: 100}}  # mine\n"
        "  istio-lab:rollouts:\n    example:\n      image: nginx:1.29\n"
    )
    output, error = invoke("apply", "26", "--yes")

    assert error is None
    assert "+      strategy: canary" in output
    assert "-      image" not in output
    assert "  istio-lab:traffic: {reviews: {v2: 100}}  # mine\n" in file.read_text()
    assert yaml.safe_load(file.read_text())["config"]["istio-lab:rollouts"] == {
        "example": {"image": "nginx:1.29"},
        "delivery": {"strategy": "canary", "version": "v2"},
    }
    assert "Next  lab lesson apply 27-istio-canary-failing" in output
    assert ups == ["dev"]


def test_a_strategy_on_a_lab_without_the_shop_is_refused_and_nothing_is_written(file: Path, ups: list[str]) -> None:
    file.write_text("config:\n  istio-lab:shop: {enabled: false}\n")
    _, error = invoke("apply", "25", "--yes")

    assert isinstance(error, LabError)
    assert "istio-lab:rollouts.delivery.strategy" in error.message
    assert ("rollouts" in file.read_text(), ups) == (False, [])


def test_a_strategy_whose_up_fails_names_the_way_back_of_its_own_subject(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_stack: str) -> None:
        raise LabError("pulumi ended with code 1")

    file.write_text(stack_file.replaced(file.read_text(), "rollouts", lessons.find("25").settings["rollouts"]))
    monkeypatch.setattr(lifecycle, "up", fail)
    _, error = invoke("apply", "26", "--yes")

    assert isinstance(error, LabError)
    assert error.remedy.endswith("lab lesson apply 25-istio-canary-v1")


def test_the_stack_stands_behind_the_whole_name_of_a_command(file: Path) -> None:
    file.with_name("Pulumi.class.yaml").write_text("config:\n  istio-lab:target: embedded\n")
    output, _ = invoke("show", "24", "--stack", "class")

    assert "  lab rollout set-image --stack class example-rollout nginx=jinyoung/app:blue\n" in output
    assert "  lab rollout promote --stack class example-rollout\n" in output
    assert "  lab check --stack class strategies.blue-green\n" in output


def test_rollouts_that_are_no_mapping_are_named_in_the_message(file: Path) -> None:
    file.write_text("config:\n  istio-lab:rollouts: some words\n")
    _, error = invoke("show", "25")

    assert isinstance(error, LabError)
    assert error.message == "istio-lab:rollouts in Pulumi.dev.yaml is no mapping"
    assert invoke("show", "05")[1] is None


@pytest.fixture
def own_route(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cluster with a VirtualService `reviews` of a student; the names of what was taken over."""
    content: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "tutorial", "managedFields": [{"manager": "kubectl-edit"}]},
        "spec": {"hosts": ["reviews"]},
    }
    key = ("networking.istio.io", "VirtualService", "tutorial", "reviews")
    taken: list[str] = []
    monkeypatch.setattr(foreign, "met", lambda _, wanted: tuple(foreign.among([], {key: content}, wanted)))
    monkeypatch.setattr(meeting, "take_over", lambda *given: taken.extend(each.object.title for each in given[-1]))
    return taken


@pytest.mark.parametrize(("words", "leave"), [(("01", "--yes"), False), (("00", "--yes"), True)])
def test_without_a_choice_about_a_students_object_nothing_is_changed_and_the_choices_are_named(
    file: Path, ups: list[str], own_route: list[str], words: tuple[str, ...], *, leave: bool
) -> None:
    before = file.read_text()

    output, error = invoke("apply", *words)

    assert isinstance(error, LabError)
    assert "VirtualService tutorial/reviews" in error.message
    assert "VirtualService tutorial/reviews, by kubectl-edit" in output
    assert "--take-over" in error.remedy
    assert ("--leave" in error.remedy) == leave
    assert (file.read_text(), ups, own_route) == (before, [], [])


def test_what_is_taken_over_makes_room_for_the_lesson(file: Path, ups: list[str], own_route: list[str]) -> None:
    _, error = invoke("apply", "01", "--yes", "--take-over")

    assert error is None
    assert (own_route, ups) == (["VirtualService tutorial/reviews"], ["dev"])
    assert "v1: 80" in file.read_text()


def test_what_is_left_is_named_again_beside_the_lesson(file: Path, ups: list[str], own_route: list[str]) -> None:
    output, error = invoke("apply", "00", "--yes", "--leave")

    assert error is None
    assert (own_route, ups) == ([], ["dev"])
    assert "Left  VirtualService tutorial/reviews" in output
    assert "traffic" not in file.read_text()


def test_an_object_whose_name_the_lesson_needs_cannot_be_left(file: Path, ups: list[str], own_route: list[str]) -> None:
    _, error = invoke("apply", "01", "--yes", "--leave")

    assert isinstance(error, LabError)
    assert "cannot be left" in error.message
    assert ("traffic" in file.read_text(), ups, own_route) == (False, [], [])


def test_both_choices_at_once_are_refused(file: Path, ups: list[str]) -> None:
    _, error = invoke("apply", "01", "--yes", "--leave", "--take-over")

    assert isinstance(error, LabError)
    assert (ups, "traffic" in file.read_text()) == ([], False)


def test_undo_writes_the_settings_of_before_stands_them_up_and_gives_the_objects_back(
    file: Path, ups: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "home", lambda: tmp_path / "home")
    assert "nothing to give back" in invoke("undo", "--yes")[0]
    place = tmp_path / "home" / "taken-over" / "dev" / "traffic"
    place.mkdir(parents=True)
    (place / "settings-before.json").write_text('{"traffic": {"order": {"timeout": "9s"}}}')
    (place / "virtualservice-tutorial-reviews.yaml").write_text("kind: VirtualService\n")
    created: list[tuple[str, ...]] = []
    monkeypatch.setattr("lab.adapters.kubectl.run", lambda _, *words: created.append((*words, *ups)))

    output, error = invoke("undo", "--yes")

    assert error is None
    assert yaml.safe_load(file.read_text())["config"]["istio-lab:traffic"] == {"order": {"timeout": "9s"}}
    assert [words[:2] + words[3:] for words in created] == [("create", "-f", "dev")], "after the up"
    assert list(place.iterdir()) == []
    assert "given back: virtualservice-tutorial-reviews" in output
