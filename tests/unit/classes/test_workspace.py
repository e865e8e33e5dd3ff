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

from lab.adapters.stack import Stack
from lab.core import paths
from lab.services.classes import workspace
from lab.services.classes.plan import Action, StackRecord, State, Verb

STACK = "student-anna"
PLATFORM = "ws26-platform"
OWN = {"student": {"id": "anna", "classroom": "ws26"}, "shop": {"order": {"replicas": 2}}}
"""Settings of a student with a cluster of her own."""

CONFIG = {"target": "shared", "shared": {"platform": PLATFORM}, **OWN}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))


def action(verb: Verb = Verb.CREATE, **more: Any) -> Action:  # noqa: ANN401 - the action's
    whole = {"stack": STACK, "student": "anna", "name": "안나", "reason": "", "wave": 2, "config": CONFIG, **more}
    return Action(verb=verb, **whole)


def entry(**more: Any) -> StackRecord:  # noqa: ANN401 - the record's
    return StackRecord(
        **{"stack": STACK, "classroom": "ws26", "student": "anna", "name": "안나", "state": State.STANDS, **more}
    )


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
    workspace.mark_started(action(), "ws26")

    assert {f"{stat.S_IMODE(file.stat().st_mode):o}" for file in made.iterdir()} == {"600"}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


# --- the key of a share ---

SALT, SALT_OF_HER_OWN = "v1:of:the platform", "v1:of:anna"


def of_the_platform(**more: str) -> None:
    """Have the stack whose cluster is shared know what pulumi has written into its file."""
    own = {"encryptionsalt": SALT, "secretsprovider": "azurekeyvault://v/k", "encryptedkey": "abc=", **more}
    text = yaml.safe_dump({**own, "config": {"istio-lab:target": "embedded"}})
    (folder(PLATFORM) / f"Pulumi.{PLATFORM}.yaml").write_text(text, encoding="utf-8")


def written(config: dict[str, object]) -> dict[str, Any]:
    """What stands in a student's file beside the settings, once it is prepared."""
    found = read(workspace.prepare(action(config=config)) / f"Pulumi.{STACK}.yaml")
    assert found.pop("config") == {f"istio-lab:{key}": value for key, value in config.items()}
    return found


def test_a_share_has_the_salt_of_the_platform_and_nothing_else_of_its_key() -> None:
    of_the_platform()

    assert written(CONFIG) == {"encryptionsalt": SALT}
    assert written(CONFIG) == {"encryptionsalt": SALT}, "and keeps it"


@pytest.mark.parametrize(
    "own",
    [
        {"encryptionsalt": SALT_OF_HER_OWN},
        {"encryptionsalt": SALT_OF_HER_OWN, "secretsprovider": "azurekeyvault://v/anna", "encryptedkey": "own="},
        {"secretsprovider": "azurekeyvault://v/anna", "encryptedkey": "own="},
    ],
)
def test_a_share_that_has_a_key_already_keeps_it(own: dict[str, str]) -> None:
    of_the_platform()
    (folder() / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")

    assert written(CONFIG) == own


def test_a_share_of_a_platform_that_was_never_written_here_has_no_salt() -> None:
    assert written(CONFIG) == {}
    (folder(PLATFORM) / f"Pulumi.{PLATFORM}.yaml").touch()
    assert written(CONFIG) == {}


def test_the_salt_is_of_the_platform_that_the_settings_name_and_of_no_other() -> None:
    of_the_platform()

    assert written({**CONFIG, "shared": {"platform": "ss27-platform"}}) == {}


def test_who_has_a_cluster_of_her_own_has_a_key_of_her_own() -> None:
    of_the_platform()

    assert written(OWN) == {}


# --- what is noted ---


def test_what_was_noted_is_known_again() -> None:
    folder()
    workspace.save(entry(digest="d1", seconds=7.25, error="[red] 'x'\n"))

    assert workspace.load(STACK) == entry(digest="d1", seconds=7.25, error="[red] 'x'\n")


def test_a_run_that_is_begun_counts_as_not_finished_until_it_is() -> None:
    made = action(digest="d1")
    workspace.prepare(made)
    workspace.mark_started(made, "ws26")
    begun = workspace.load(STACK)
    workspace.mark_up(made, 8.5)
    done = workspace.load(STACK)
    workspace.mark_started(made, "ws26")
    again = workspace.load(STACK)
    workspace.mark_failed(STACK, "it failed")

    assert begun == entry(state=State.UNFINISHED, shares=True)
    assert done == entry(digest="d1", seconds=8.5, shares=True)
    assert again == entry(state=State.UNFINISHED, seconds=8.5, shares=True), (
        "how long it took is known; what it is, is not"
    )
    assert workspace.load(STACK) == entry(state=State.UNFINISHED, seconds=8.5, error="it failed", shares=True)


def test_what_stands_has_failed_no_more_and_what_fails_is_nothing_that_is_known() -> None:
    folder()
    workspace.save(entry(state=State.UNFINISHED, error="it failed", seconds=3.0))
    workspace.mark_up(action(digest="d1"), 8.5)
    done = workspace.load(STACK)
    workspace.mark_failed(STACK, "no room")

    assert done == entry(digest="d1", seconds=8.5, shares=True)
    assert workspace.load(STACK) == entry(state=State.UNFINISHED, seconds=8.5, error="no room", shares=True)


@pytest.mark.parametrize("shares", [True, False])
def test_what_is_gone_is_noted_as_that_and_its_settings_stay(*, shares: bool) -> None:
    file = workspace.prepare(action()) / f"Pulumi.{STACK}.yaml"
    before = file.read_text(encoding="utf-8")
    workspace.save(entry(digest="d1", seconds=8.5, error="it failed", shares=shares))
    workspace.mark_destroyed(STACK)

    assert workspace.load(STACK) == entry(state=State.GONE, seconds=8.5, shares=shares)
    assert file.read_text(encoding="utf-8") == before


def test_the_end_of_what_nobody_began_is_not_noted() -> None:
    workspace.mark_up(action(digest="d1"), 8.5)
    workspace.mark_failed(STACK, "it failed")
    workspace.mark_destroyed(STACK)

    assert not paths.class_workspace(STACK).exists()


# --- whether it is a part of the shared cluster ---

GOING: dict[str, object] = {}
"""Settings of an action that takes a stack away."""


@pytest.mark.parametrize(
    ("before", "config", "begun", "done"),
    [
        (None, CONFIG, True, True),
        (None, OWN, False, False),
        (True, CONFIG, True, True),
        (False, CONFIG, False, True),
        (True, OWN, False, False),
        (False, OWN, False, False),
        (True, GOING, True, None),
        (False, GOING, False, None),
    ],
    ids=[
        "a new share",
        "a new cluster",
        "a share again",
        "a cluster becomes a share: until then it is there",
        "a share becomes a cluster: it may be there already",
        "a cluster again",
        "a share goes",
        "a cluster goes",
    ],
)
def test_a_stack_counts_as_a_share_only_while_it_can_have_no_cluster_of_its_own(
    *, before: bool | None, config: dict[str, object], begun: bool, done: bool | None
) -> None:
    folder()
    if before is not None:
        workspace.save(entry(shares=before))
    workspace.mark_started(action(config=config), "ws26")
    noted = workspace.known()[STACK]
    workspace.mark_failed(STACK, "it failed")
    failed = workspace.known()[STACK]

    assert (noted.shares, noted.state) == (begun, State.UNFINISHED)
    assert (failed.shares, failed.state) == (begun, State.UNFINISHED)
    if done is not None:
        workspace.mark_up(action(config=config), 1.0)
        assert workspace.known()[STACK].shares is done


def test_a_record_of_an_earlier_version_is_of_no_share() -> None:
    (folder() / "class.json").write_text(
        json.dumps({"classroom": "ws26", "student": "anna", "name": "안나", "state": "stands"}), encoding="utf-8"
    )

    assert workspace.load(STACK) == entry(shares=False)


KILLED = """
import os, signal, sys
from lab.services.classes import workspace
from lab.services.classes.plan import Action, Verb

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
action = Action(stack=sys.argv[1], student="anna", verb=Verb.UPDATE, reason="", wave=2, digest="new")
workspace.mark_up(action, 0.0)
"""


def test_whoever_is_killed_while_noting_leaves_what_was_known() -> None:
    folder()
    workspace.save(entry(digest="old"))
    environment = {**os.environ, "PYTHONPATH": str(paths.PROJECT)}
    result = subprocess.run([sys.executable, "-c", KILLED, STACK], env=environment, check=False)

    assert result.returncode == -signal.SIGKILL
    assert workspace.load(STACK) == entry(digest="old")
    workspace.mark_up(action(digest="new", config={}), 0.0)
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
        workspace.save(entry(stack=stack, student=stack.removeprefix("student-"), digest="d", shares=stack == STACK))

    assert list(workspace.known()) == [STACK, "student-bo"]
    assert workspace.known()[STACK] == StackRecord(
        stack=STACK, classroom="ws26", student="anna", state=State.STANDS, digest="d", name="안나", shares=True
    )
    assert not workspace.known()["student-bo"].shares


def test_whatever_else_lies_between_the_folders_is_no_stack() -> None:
    folder()
    workspace.save(entry())
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
    workspace.save(entry())
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
