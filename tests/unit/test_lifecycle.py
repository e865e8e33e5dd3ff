"""Taking a lab down, and cleaning up, when state may be kept elsewhere."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest
from typer.testing import CliRunner

from lab.adapters.locks import Lock
from lab.adapters.stack import Stack
from lab.cli.app import app, main
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services import cleaning, lifecycle, recovery, state_repair

if TYPE_CHECKING:
    from pathlib import Path

Spawn = Callable[..., psutil.Process]

EMPTY = '{"deployment": {"resources": []}}'
ON_AZURE = '{"deployment": {"resources": [{"type": "azure-native:resources:ResourceGroup", "urn": "x"}]}}'


class Backend:
    """States by stack, and what was asked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[str, str] = {}
        self.did: list[str] = []
        monkeypatch.setattr(Stack, "export", self._export)
        monkeypatch.setattr(Stack, "state", lambda stack: self._export(stack) if stack.name in self.states else None)
        monkeypatch.setattr(Stack, "pulumi", lambda _, *words, **__: self._pulumi(*words))
        monkeypatch.setattr(lifecycle, "prepare", lambda *_: self.did.append("prepare"))

    def _pulumi(self, *words: str) -> int:
        self.did.append(words[0])
        return 0

    def _export(self, stack: Stack) -> str:
        self.did.append("export")
        return self.states[stack.name]


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A backend of the user's own; on this machine, stack dev has a folder."""
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    paths.stack_dir("dev").mkdir(parents=True)
    return Backend(monkeypatch)


def test_a_stack_elsewhere_is_read_before_it_is_taken_down_and_after(backend: Backend) -> None:
    backend.states["dev"] = EMPTY

    result = CliRunner().invoke(app, ["down"])

    assert result.exit_code == 0
    assert "Stack dev is taken down" in result.output
    assert backend.did == ["prepare", "export", "destroy", "export"]


def test_a_stack_that_still_has_resources_is_not_said_to_be_taken_down(backend: Backend) -> None:
    names = [f"pod-{number}" for number in range(5)]
    resources = [{"type": "kubernetes:core/v1:Pod", "urn": f"a::b::{name}", "custom": True} for name in names]
    backend.states["dev"] = json.dumps({"deployment": {"resources": resources}})

    result = CliRunner().invoke(app, ["down"])

    assert isinstance(result.exception, LabError)
    assert result.exception.message.endswith("stack dev still has pod-0, pod-1, pod-2 and 2 more")
    assert result.exception.remedy == "take them down again: make down"
    assert "taken down" not in result.output


def test_down_names_who_else_works_in_the_folder_and_leaves_him_alone(backend: Backend) -> None:
    backend.states["dev"] = EMPTY
    command = [sys.executable, "-c", "print(flush=True); input()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=paths.stack_dir("dev"), **pipes) as user:
        assert user.stdout
        assert user.stdout.readline()
        result = CliRunner().invoke(app, ["down"])

        assert user.poll() is None
        assert f"Not the lab's own, so left alone, though in its folder:\n  {user.pid} " in result.output


def test_clean_takes_out_the_salt_that_a_killed_update_left_in_the_settings(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("encryptionsalt: v1:abc\nconfig:\n  istio-lab:target: embedded\n")

    cleaning.clean(cache=False)

    assert settings.read_text() == "config:\n  istio-lab:target: embedded\n"
    assert backend.did == []


def test_clean_ends_what_runs_for_a_stack_whose_folder_is_gone(backend: Backend, spawn: Spawn) -> None:
    folder = paths.stack_dir("gone")
    folder.mkdir()
    program = folder / "kube-apiserver"
    program.write_text("trap '' TERM; echo ready; while :; do sleep 0.05; done\n")
    server = spawn("/bin/sh", str(program))
    shutil.rmtree(folder)
    backend.states.clear()

    cleaning.clean(cache=False)

    assert server.wait(5) != 0


def test_a_stack_that_the_backend_does_not_have_is_not_said_to_be_taken_down(backend: Backend) -> None:
    result = CliRunner().invoke(app, ["down"])

    assert "There is no stack dev in ISTIO_LAB_BACKEND_URL=s3://team-state" in result.output
    assert "taken down" not in result.output
    assert "destroy" not in backend.did
    assert not paths.stack_dir("dev").exists(), "what ran on this machine is gone"


def test_what_was_never_made_in_the_project_is_swept_without_any_tools(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")

    result = CliRunner().invoke(app, ["down"])

    assert f"There is no stack dev in {paths.state_dir()}" in result.output
    assert backend.did == []


@pytest.fixture
def here(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The project's own backend, whose stack dev has a state that is cut off; Pulumi's plugins are there."""
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    paths.stacks_dir().mkdir(parents=True)
    (paths.stacks_dir() / "dev.json").write_text('{"version": 3, "checkp')
    paths.bin_dir().mkdir()
    (paths.bin_dir() / "pulumi").touch()
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    return backend


def checkpoint(*types: str) -> str:
    resources = [{"urn": kind, "type": kind} for kind in types]
    return json.dumps({"version": 3, "checkpoint": {"stack": "dev", "latest": {"resources": resources}}})


def lock(pid: int) -> None:
    folder = paths.state_dir() / ".pulumi" / "locks" / "organization" / "istio-lab" / "dev"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text(json.dumps({"pid": pid, "timestamp": "noon"}))


def test_a_lab_on_this_machine_is_taken_down_without_a_state_that_cannot_be_used(here: Backend) -> None:
    lock(2**22 - 1)

    result = CliRunner().invoke(app, ["down"])

    assert result.exit_code == 0
    assert "Stack dev is taken down" in result.output
    assert not paths.stack_dir("dev").exists()
    assert [file.name for file in paths.stacks_dir().iterdir()] == ["dev.json.unreadable"]
    assert list((paths.state_dir() / ".pulumi" / "locks").rglob("*.json")) == []
    assert here.did == []


def test_a_lab_elsewhere_is_never_forgotten_because_its_state_cannot_be_used(here: Backend, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  istio-lab:target: azure\n")

    result = CliRunner().invoke(app, ["down"])

    assert result.exit_code == 1
    assert isinstance(result.exception, LabError)
    assert "resources outside of this machine" in result.exception.message
    assert (paths.stacks_dir() / "dev.json").exists()
    assert paths.stack_dir("dev").exists()
    assert "destroy" not in here.did


def test_a_copy_of_the_state_takes_its_place_before_a_lab_is_taken_down(here: Backend) -> None:
    here.states["dev"] = EMPTY
    (paths.stacks_dir() / "dev.json.bak").write_text(checkpoint("a:b:C"))

    result = CliRunner().invoke(app, ["down"])

    assert "Stack dev is taken down" in result.output
    assert "restoring it from" in result.output
    assert (paths.stacks_dir() / "dev.json").read_text() == checkpoint("a:b:C")
    assert here.did == ["prepare", "export", "destroy", "export"]


@pytest.mark.parametrize("command", ["down", "clean", "recover", "up"])
def test_nothing_is_done_to_a_stack_that_somebody_works_on(
    here: Backend, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lock(os.getpid())
    monkeypatch.setattr(Lock, "alive", True)

    result = CliRunner().invoke(app, [command])

    assert isinstance(result.exception, LabError)
    assert "is in use by process" in result.exception.message
    assert paths.stack_dir("dev").exists()
    assert {*here.did} <= {"prepare"}


def test_a_dead_lock_and_nothing_else_is_broken_by_the_next_command(here: Backend) -> None:
    (paths.stacks_dir() / "dev.json").write_text(checkpoint())
    lock(2**22 - 1)
    said: list[str] = []

    state_repair.require_sound(Stack("dev"), said.append)

    assert Stack("dev").lock() is None
    assert said == [f"breaking the lock of process {2**22 - 1}, which is gone"]
    assert here.did == []


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize(("pending", "first"), [([{}], ["recover"]), ([], [])])
def test_up_puts_right_what_a_killed_update_left_whether_it_left_a_lock_or_not(
    here: Backend, monkeypatch: pytest.MonkeyPatch, *, locked: bool, pending: list[object], first: list[str]
) -> None:
    content = json.loads(checkpoint())
    content["checkpoint"]["latest"]["pending_operations"] = pending
    (paths.stacks_dir() / "dev.json").write_text(json.dumps(content))
    here.states["dev"] = EMPTY
    monkeypatch.setattr(recovery, "recover", lambda *_: here.did.append("recover"))
    if locked:
        lock(2**22 - 1)

    lifecycle.up(Stack("dev"), lifecycle.TerminalEngine(), Progress(quiet=True))

    assert Stack("dev").lock() is None
    assert [word for word in here.did if word != "export"] == [*first, "up"]


@pytest.mark.parametrize("copy", [True, False])
def test_clean_refuses_a_stack_on_azure_though_its_state_is_broken(here: Backend, *, copy: bool) -> None:
    if copy:
        (paths.stacks_dir() / "dev.json.bak").write_text(checkpoint("azure-native:resources:ResourceGroup"))
    else:
        (paths.stacks_dir() / "dev.json").write_text('{"type": "azure-native:resources:ResourceGroup"')

    with pytest.raises(LabError, match="still has resources on Azure"):
        cleaning.clean(cache=False)

    assert paths.stack_dir("dev").exists()
    assert here.did == []


def test_clean_is_not_said_of_a_folder_that_cannot_be_deleted(here: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)

    result = CliRunner().invoke(app, ["clean"])

    assert isinstance(result.exception, LabError)
    assert "could not be deleted" in result.exception.message
    assert "Clean." not in result.output
    assert here.did == []


def test_clean_names_the_states_that_it_did_not_touch(backend: Backend) -> None:
    backend.states["dev"] = EMPTY

    result = CliRunner().invoke(app, ["clean"])

    assert "The state of stack dev was not in" in result.output
    assert "pulumi destroy --stack dev" in result.output
    assert not paths.home().exists()


def test_clean_refuses_a_stack_on_azure_whose_state_is_elsewhere(backend: Backend) -> None:
    backend.states["dev"] = ON_AZURE

    with pytest.raises(LabError, match="stack dev still has resources on Azure"):
        cleaning.clean(cache=False)

    assert paths.stack_dir("dev").exists()


def test_clean_refuses_a_stack_on_azure_whose_state_it_cannot_find(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  istio-lab:target: azure\n")

    with pytest.raises(LabError, match=f"its state is not in {paths.state_dir()}") as refused:
        cleaning.clean(cache=False)

    assert "ISTIO_LAB_BACKEND_URL=login make clean" in refused.value.remedy
    assert paths.stack_dir("dev").exists()
    assert backend.did == []


def test_clean_of_what_the_project_itself_keeps_says_nothing_more(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL")
    paths.stacks_dir().mkdir(parents=True)
    (paths.stacks_dir() / "dev.json").write_text(EMPTY)

    assert cleaning.clean(cache=False) == []
    assert backend.did == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_a_message_and_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number), "/somewhere/file")

    monkeypatch.setattr(cleaning, "clean", refuse)
    monkeypatch.setattr(sys, "argv", ["lab", "clean"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert f"error: /somewhere/file cannot be written: {os.strerror(number)}" in said
    assert "do: " in said
