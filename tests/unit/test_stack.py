"""Stacks: their names, their locks, and what is said when one cannot be used. Pulumi here only pretends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.adapters import backend
from lab.adapters.stack import Stack, names
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRETENDER = """#!/bin/sh
printf '%s\\n' "$@" > "$ISTIO_LAB_HOME/arguments"
cat > "$ISTIO_LAB_HOME/input" 2>/dev/null
pwd > "$ISTIO_LAB_HOME/folder"
"""


ENCRYPTED = "config:\n  a:\n    secure: x\nencryptionsalt: v1:a\n"


class Pulumi:
    """A pulumi that remembers how it was called."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.does("true")

    def does(self, then: str) -> None:
        paths.bin_dir().mkdir(parents=True, exist_ok=True)
        program = paths.bin_dir() / "pulumi"
        program.write_text(f"{PRETENDER}{then}\n")
        program.chmod(0o755)

    @property
    def arguments(self) -> list[str]:
        """Of the last call; none when there was no call."""
        file = self._home / "arguments"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def input(self) -> str:
        return (self._home / "input").read_text()

    @property
    def folder(self) -> Path:
        return Path((self._home / "folder").read_text().strip())


@pytest.fixture(autouse=True)
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    return Pulumi(tmp_path)


@pytest.fixture
def working(tmp_path: Path) -> Iterator[int]:
    """The id of a pulumi that is at work."""
    program = tmp_path / "engine" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nread -r _\n")
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE) as child:
        yield child.pid
        child.kill()


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def hold(stack: str, pid: int, *, root: Path | None = None, host: str = "desk") -> None:
    folder = (root or paths.state_dir()) / ".pulumi" / "locks" / "organization" / "istio-lab" / stack
    folder.mkdir(parents=True)
    held = {"pid": pid, "username": "kim", "hostname": host, "timestamp": "2026-11-23T14:00:00+09:00"}
    (folder / "0a1b.json").write_text(json.dumps(held))


def exists(stack: str) -> None:
    folder = paths.state_dir() / ".pulumi" / "stacks" / "istio-lab"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stack}.json").write_text("{}")


@pytest.mark.parametrize("name", ["dev", "a", "1", "kim-2", "a--b", "x" * 40])
def test_a_good_name_is_taken(name: str) -> None:
    assert Stack(name).name == name


@pytest.mark.parametrize(
    "name", ["", "Dev", "-dev", "dev-", "a b", "a/b", "..", "a.b", "a_b", "x" * 41, "dev\n", "데브", "org/dev"]
)
def test_a_bad_name_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(LabError) as refused:
        Stack(name)

    assert repr(name) in refused.value.message
    assert "1 to 40 lower-case letters, digits and inner hyphens" in refused.value.remedy


def test_two_stacks_share_no_folder() -> None:
    assert Stack("dev").directory != Stack("dev-2").directory
    assert Stack("dev").kubeconfig.parent == Stack("dev").directory


@pytest.mark.parametrize(("name", "suffix"), [("dev", ""), ("kim", " STACK=kim")])
def test_commands_in_messages_mean_the_stack(name: str, suffix: str) -> None:
    assert Stack(name).suffix == suffix


def test_a_stack_exists_when_the_local_backend_has_it(pulumi: Pulumi) -> None:
    exists("dev")

    assert Stack("dev").exists()
    assert not Stack("kim").exists()
    assert pulumi.arguments == [], "asking pulumi takes a second"


def test_a_missing_stack_is_made_and_an_existing_one_is_left(pulumi: Pulumi) -> None:
    Stack("kim").ensure()
    assert pulumi.arguments == ["stack", "init", "kim", "--non-interactive"]

    exists("dev")
    pulumi.does("exit 1")
    Stack("dev").ensure()


@pytest.mark.parametrize(("name", "there"), [("dev", True), ("de", False), ("name", False), ("current", False)])
def test_on_another_backend_pulumi_is_asked(
    pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch, name: str, *, there: bool
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    pulumi.does('test "$4" = dev || { echo "error: no stack named \'$4\' found" >&2; exit 255; }')

    assert Stack(name).exists() is there
    assert pulumi.arguments[:4] == ["stack", "export", "--stack", name]


def test_a_backend_that_does_not_answer_is_no_stack_that_is_missing(
    pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    pulumi.does('echo "error: the bucket is gone" >&2; exit 255')

    with pytest.raises(LabError, match="the bucket is gone"):
        Stack("dev").exists()


def test_a_free_stack_may_be_used(working: int) -> None:
    hold("kim", working)

    assert Stack("dev").lock() is None
    Stack("dev").require_unlocked()


def test_a_stack_in_use_is_refused_with_who_uses_it(working: int) -> None:
    hold("dev", working)

    with pytest.raises(LabError) as refused:
        Stack("dev").require_unlocked()

    assert f"stack dev is in use by process {working} since 2026-11-23T14:00:00+09:00" in refused.value.message
    assert "wait for it to end" in refused.value.remedy


def test_a_stranger_who_got_the_number_of_a_killed_update_holds_nothing() -> None:
    hold("dev", os.getpid())

    with pytest.raises(LabError, match="was killed in the middle"):
        Stack("dev").require_unlocked()


def test_a_killed_update_is_told_from_one_that_runs(gone: int) -> None:
    hold("kim", gone)

    with pytest.raises(LabError) as refused:
        Stack("kim").require_unlocked()

    assert "was killed in the middle" in refused.value.message
    assert "make recover STACK=kim" in refused.value.remedy


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own that keeps state."""
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", (tmp_path / "team state").as_uri())
    return tmp_path / "team state"


def test_a_lock_in_a_file_backend_elsewhere_is_known_too(elsewhere: Path, working: int, gone: int) -> None:
    hold("dev", working, root=elsewhere, host=socket.gethostname())
    hold("kim", gone, root=elsewhere, host=socket.gethostname())

    with pytest.raises(LabError, match=f"stack dev is in use by process {working} since"):
        Stack("dev").require_unlocked()
    with pytest.raises(LabError, match="was killed in the middle"):
        Stack("kim").require_unlocked()


def test_a_lock_of_another_machine_is_never_taken_for_a_dead_one(elsewhere: Path, gone: int) -> None:
    hold("dev", gone, root=elsewhere)

    with pytest.raises(LabError) as refused:
        Stack("dev").require_unlocked()

    assert f"stack dev is in use by process {gone} on desk" in refused.value.message
    assert "pulumi cancel --yes --stack dev" in refused.value.remedy


def test_a_stack_that_another_backend_has_is_asked_for_once(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    pulumi.does('echo x >> "$ISTIO_LAB_HOME/calls"')
    stack = Stack("kim")

    assert stack.exists()
    stack.ensure()

    assert (tmp_path / "calls").read_text() == "x\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("config: {}\n", "config: {}\n"),
        ("config:\r\n  a: 1\r\n", "config:\r\n  a: 1\r\n"),
        ("encryptionsalt: v1:another\nconfig: {}\n", "config: {}\n"),
        # These values could not be read any more.
        (
            "config:\n  a:\n    secure: x\nencryptionsalt: v1:a\n",
            "config:\n  a:\n    secure: x\nencryptionsalt: v1:a\n",
        ),
    ],
)
def test_the_salt_of_the_projects_own_passphrase_stays_out_of_the_file_unless_values_need_it(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    file = tmp_path / "Pulumi.kim.yaml"
    file.write_bytes(before.encode())
    file.chmod(0o640)
    pulumi.does("grep -q encryptionsalt Pulumi.kim.yaml || echo 'encryptionsalt: v1:b' >> Pulumi.kim.yaml")

    for run in (lambda: Stack("kim").pulumi("up"), Stack("kim").export, Stack("kim").preview):
        run()
        assert file.read_bytes().decode() == after
    assert oct(file.stat().st_mode & 0o777) == oct(0o640)


def test_a_file_of_another_backends_stack_is_left_as_pulumi_wrote_it(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.kim.yaml").write_text("encryptionsalt: v1:a\n")

    Stack("kim").pulumi("up")

    assert (tmp_path / "Pulumi.kim.yaml").read_text() == "encryptionsalt: v1:a\n"
    assert not elsewhere.exists()


def test_a_passphrase_is_tried_on_a_copy_of_the_file(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    paths.temporary_dir().mkdir()
    (tmp_path / "Pulumi.kim.yaml").write_text("encryptionsalt: v1:a\n")
    pulumi.does('cat "$7" > "$ISTIO_LAB_HOME/tried"; echo x >> "$7"; echo "error: incorrect passphrase" >&2; exit 255')

    with pytest.raises(backend.BackendError, match="is not the passphrase"):
        Stack("kim").require_secrets()

    assert (tmp_path / "tried").read_text() == "encryptionsalt: v1:a\n"
    assert (tmp_path / "Pulumi.kim.yaml").read_text() == "encryptionsalt: v1:a\n"


def test_pulumi_runs_in_the_project_with_the_labs_environment(
    pulumi: Pulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pulumi.does('test "$PULUMI_HOME" = "$ISTIO_LAB_HOME/pulumi"')

    assert Stack("dev").pulumi("up", "--yes") == 0
    assert pulumi.arguments == ["up", "--yes"]
    assert pulumi.folder == paths.PROJECT


def test_pulumis_exit_code_is_handed_on(pulumi: Pulumi) -> None:
    pulumi.does("exit 7")

    assert Stack("dev").pulumi("up") == 7


def test_ctrl_c_is_left_to_pulumi_which_ends_in_its_own_time(pulumi: Pulumi) -> None:
    pulumi.does(f"kill -INT {os.getpid()}; sleep 0.1; exit 3")
    before = signal.getsignal(signal.SIGINT)

    assert Stack("dev").pulumi("up") == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_outputs_are_those_of_the_named_stack(pulumi: Pulumi) -> None:
    pulumi.does("""echo '{"bookinfoUrl": "http://192.0.2.1/productpage", "kubeconfig": "[secret]", "nodes": 3}'""")

    found = Stack("kim").outputs()

    assert found == {"bookinfoUrl": "http://192.0.2.1/productpage", "kubeconfig": "[secret]", "nodes": "3"}
    assert "--show-secrets" not in pulumi.arguments
    assert pulumi.arguments[:5] == ["stack", "output", "--json", "--stack", "kim"]


def test_an_output_of_several_values_is_handed_on_whole_and_is_no_text(pulumi: Pulumi) -> None:
    pulumi.does("""echo '{"tags": {"project": "istio-lab", "stack": "kim"}, "registry": "r"}'""")

    assert Stack("kim").values() == {"tags": {"project": "istio-lab", "stack": "kim"}, "registry": "r"}
    assert Stack("kim").outputs() == {"registry": "r"}


def test_stacks_of_any_backend_are_known_by_their_own_names(pulumi: Pulumi) -> None:
    pulumi.does("""echo '[{"name": "lee"}, {"name": "organization/istio-lab/kim"}, {"name": "Odd_Name"}]'""")

    assert names() == ["Odd_Name", "kim", "lee"]
    assert pulumi.arguments == ["stack", "ls", "--json", "--non-interactive"]


@pytest.mark.parametrize(("history", "kind"), [('[{"kind": "destroy", "result": "failed"}]', "destroy"), ("[]", "")])
def test_the_last_update_is_told_by_its_kind(pulumi: Pulumi, history: str, kind: str) -> None:
    pulumi.does(f"echo '{history}'")

    assert Stack("kim").last_update() == kind
    assert pulumi.arguments[-3:] == ["--stack", "kim", "--non-interactive"]


def test_state_is_read_and_replaced_through_pulumi(pulumi: Pulumi) -> None:
    pulumi.does("echo '{}'")
    assert Stack("kim").export() == "{}\n"

    Stack("kim").import_('{"version": 3}')

    assert pulumi.input == '{"version": 3}'
    assert pulumi.arguments[:4] == ["stack", "import", "--stack", "kim"]


def test_breaking_a_lock_elsewhere_names_the_stack_and_asks_nothing(
    pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")

    Stack("kim").cancel()

    assert pulumi.arguments == ["cancel", "--yes", "--stack", "kim", "--non-interactive"]


def test_what_pulumi_says_when_it_fails_is_in_the_message(pulumi: Pulumi) -> None:
    pulumi.does("echo 'error: no such stack' >&2; exit 255")

    with pytest.raises(LabError, match="pulumi stack output failed: error: no such stack"):
        Stack("dev").outputs()
