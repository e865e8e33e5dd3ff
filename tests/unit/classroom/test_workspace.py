"""The folder of each stack of a class, and what is noted in it between runs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import paths
from lab.classroom import workspace
from lab.classroom.plan import Action, Known, State, Verb
from lab.classroom.workspace import Record
from lab.stack import Stack

STACK = "student-anna"
CONFIG = {"target": "shared", "student": {"id": "anna", "classroom": "ws26"}, "shop": {"order": {"replicas": 2}}}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))


def action(verb: Verb = Verb.CREATE, **more: Any) -> Action:  # noqa: ANN401 - the action's
    whole = {"stack": STACK, "student": "anna", "name": "안나", "reason": "", "wave": 2, "config": CONFIG, **more}
    return Action(verb=verb, **whole)


def entry(**more: Any) -> Record:  # noqa: ANN401 - the record's
    return Record(**{"classroom": "ws26", "student": "anna", "name": "안나", "state": State.STANDS, **more})


def folder(stack: str = STACK) -> Path:
    found = paths.class_workspace(stack)
    found.mkdir(parents=True, exist_ok=True)
    return found


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


# --- what pulumi finds ---


def test_a_stack_has_a_project_of_its_own_that_leads_to_the_program() -> None:
    made = workspace.prepare(action())
    own, whole = read(made / "Pulumi.yaml"), read(paths.PROJECT / "Pulumi.yaml")

    assert made == paths.class_workspace(STACK)
    assert (made / own.pop("main") / "__main__.py").resolve() == (paths.PROJECT / "__main__.py").resolve()
    environment = own["runtime"]["options"].pop("virtualenv")
    assert (Path(environment).is_absolute(), environment) == (True, str(paths.PROJECT / ".venv"))
    whole.pop("main", None)
    whole["runtime"]["options"].pop("virtualenv")
    assert own == whole


def test_a_stack_finds_its_own_settings() -> None:
    workspace.prepare(action())

    assert Stack(STACK).workspace == paths.class_workspace(STACK)
    assert Stack(STACK).config() == CONFIG
    assert Stack(STACK).target == "shared"


def test_what_pulumi_has_written_stays_and_settings_that_are_no_longer_wanted_go() -> None:
    file = workspace.prepare(action()) / f"Pulumi.{STACK}.yaml"
    found = read(file)
    own = {"encryptionsalt": "v1:x:y", "secretsprovider": "azurekeyvault://v/k", "encryptedkey": "abc="}
    old = {**found["config"], "istio-lab:traffic": {"reviews": {"v2": 100}}, "istio-lab:shop": {"x": 1}}
    file.write_text(yaml.safe_dump({**own, "environment": ["x"], "config": old}), encoding="utf-8")
    workspace.prepare(action())

    assert read(file) == {**own, "config": {f"istio-lab:{key}": value for key, value in CONFIG.items()}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "config:\n"])
def test_a_file_that_says_nothing_is_filled(text: str) -> None:
    (folder() / f"Pulumi.{STACK}.yaml").write_text(text, encoding="utf-8")
    workspace.prepare(action())

    assert Stack(STACK).config() == CONFIG


def test_the_settings_of_a_stack_that_goes_stay_for_what_takes_it_down() -> None:
    file = workspace.prepare(action()) / f"Pulumi.{STACK}.yaml"
    before = file.read_text(encoding="utf-8")
    workspace.prepare(action(Verb.DESTROY, config={}))

    assert file.read_text(encoding="utf-8") == before


def test_nobody_else_can_read_settings_and_records() -> None:
    made = workspace.prepare(action())
    workspace.begin(action(), "ws26")

    assert {f"{stat.S_IMODE(file.stat().st_mode):o}" for file in made.iterdir()} == {"600"}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


# --- what is noted ---


def test_what_was_noted_is_known_again() -> None:
    folder()
    workspace.record(STACK, entry(digest="d1", seconds=7.25, error="[red] 'x'\n"))

    assert workspace.load(STACK) == entry(digest="d1", seconds=7.25, error="[red] 'x'\n")


def test_a_run_that_is_begun_counts_as_not_finished_until_it_is() -> None:
    workspace.prepare(action())
    workspace.begin(action(), "ws26")
    begun = workspace.load(STACK)
    workspace.finish(STACK, State.STANDS, digest="d1", seconds=8.5)
    done = workspace.load(STACK)
    workspace.begin(action(), "ws26")
    again = workspace.load(STACK)
    workspace.finish(STACK, State.UNFINISHED, error="it failed")

    assert begun == entry(state=State.UNFINISHED)
    assert done == entry(digest="d1", seconds=8.5)
    assert again == entry(state=State.UNFINISHED, seconds=8.5), "how long it took is known; what it is, is not"
    assert workspace.load(STACK) == entry(state=State.UNFINISHED, seconds=8.5, error="it failed")


def test_the_end_of_what_nobody_began_is_not_noted() -> None:
    workspace.finish(STACK, State.STANDS)

    assert not paths.class_workspace(STACK).exists()


KILLED = """
import os, signal, sys
from lab.classroom import workspace
from lab.classroom.plan import State

write = os.fdopen
def dies(*arguments, **options):
    file = write(*arguments, **options)
    def killed(text):
        type(file).write(file, text[: len(text) // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    file.write = killed
    return file
os.fdopen = dies
workspace.finish(sys.argv[1], State.STANDS, digest="new")
"""


def test_whoever_is_killed_while_noting_leaves_what_was_known() -> None:
    folder()
    workspace.record(STACK, entry(digest="old"))
    environment = {**os.environ, "PYTHONPATH": str(paths.PROJECT)}
    result = subprocess.run([sys.executable, "-c", KILLED, STACK], env=environment, check=False)

    assert result.returncode == -signal.SIGKILL
    assert workspace.load(STACK) == entry(digest="old")
    workspace.finish(STACK, State.STANDS, digest="new")
    assert workspace.load(STACK) == entry(digest="new")


UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "cut off": b'{"classroom": "ws26", "stu',
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "nothing": b"null",
    "a number": b"1",
    "no state": b'{"classroom": "ws26", "student": "anna", "name": ""}',
    "a state of a later version": b'{"classroom": "ws26", "student": "anna", "name": "", "state": "asleep"}',
    "a field of a later version": b'{"classroom": "w", "student": "a", "name": "", "state": "stands", "new": 1}',
    "a state that is none": b'{"classroom": "ws26", "student": "anna", "name": "", "state": []}',
    "no class": b'{"student": "anna", "name": "", "state": "stands"}',
    "another kind of seconds": b'{"classroom": "w", "student": "a", "name": "", "state": "stands", "seconds": "x"}',
    "another kind of class": b'{"classroom": null, "student": "a", "name": "", "state": "stands"}',
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_record_that_cannot_be_read_is_as_if_there_were_none(content: bytes) -> None:
    (folder() / "class.json").write_bytes(content)

    assert workspace.load(STACK) is None
    assert workspace.known() == {}


# --- what is known ---


def test_nothing_is_known_before_there_is_a_class() -> None:
    assert workspace.known() == {}
    assert workspace.load(STACK) is None


def test_known_is_every_stack_with_a_record_by_name() -> None:
    for stack in ("student-bo", STACK):
        folder(stack)
        workspace.record(stack, entry(student=stack.removeprefix("student-"), digest="d"))

    assert list(workspace.known()) == [STACK, "student-bo"]
    assert workspace.known()[STACK] == Known(
        stack=STACK, classroom="ws26", student="anna", state=State.STANDS, digest="d", name="안나"
    )


def test_whatever_else_lies_between_the_folders_is_no_stack() -> None:
    folder()
    workspace.record(STACK, entry())
    place = paths.class_workspace(STACK).parent
    (place / "a file").touch()
    (place / "class.json").write_text(json.dumps({"state": "stands"}), encoding="utf-8")
    (place / "empty").mkdir()
    (place / "deep" / "class.json").mkdir(parents=True)
    (place / "nowhere").symlink_to(place / "gone")
    for name in ("student-anna (copy)", "student-anna.bak", ".hidden", "학생"):
        (place / name).mkdir()
        (place / name / "class.json").write_bytes((folder() / "class.json").read_bytes())

    assert list(workspace.known()) == [STACK]


def test_stacks_that_no_class_has_made_are_others() -> None:
    folder()
    workspace.record(STACK, entry())
    stacks = paths.state_dir() / ".pulumi" / "stacks" / "istio-lab"
    stacks.mkdir(parents=True)
    for name in ("dev.json", f"{STACK}.json", "dev.json.bak", "dev.json.attrs"):
        (stacks / name).touch()

    assert workspace.others() == {"dev"}


# --- what is removed ---


def test_a_stack_that_is_removed_takes_its_folder_and_no_other() -> None:
    for stack in (STACK, "student-anna-k", "student-ann"):
        workspace.prepare(action(stack=stack))
        (folder(stack) / "log").mkdir()
        (folder(stack) / "log" / "create.log").touch()
    workspace.remove(STACK)

    assert sorted(each.name for each in paths.class_workspace(STACK).parent.iterdir()) == [
        "student-ann",
        "student-anna-k",
    ]
    assert (folder("student-ann") / "log" / "create.log").is_file()


def test_one_that_is_not_there_is_removed_already() -> None:
    workspace.remove(STACK)
    workspace.remove(STACK)

    assert not paths.class_workspace(STACK).exists()
