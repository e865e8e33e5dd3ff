"""What belongs to a lab's folder: real processes, none of which is a lab's."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import process_tree
from lab.core.errors import LabError
from lab.platforms.embedded import remains
from lab.platforms.embedded.remains import Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PLACE = "/somewhere/.lab/stacks/dev"
SERVER = f"--kubeconfig={PLACE}/kubeconfig"

STUBBORN = f"""#!{sys.executable}
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
log = open(sys.argv[1], "a") if sys.argv[1:] else None
print("ready", flush=True)
time.sleep(60)
"""
"""A server that no polite signal ends, like an API server without its etcd."""


def traits(*command: str, folder: str = "/", environment: Mapping[str, str] | None = None, **more: list[str]) -> Traits:
    return Traits(command=command, folder=folder, environment=environment or {}, **more)


@pytest.mark.parametrize(
    ("process", "belongs", "own"),
    [
        (traits(f"{PLACE}/kwok/bin/etcd"), True, True),
        (traits("pilot-discovery", SERVER), True, True),
        (traits("unshare", "python", "-m", "lab.platforms.dataplane", SERVER), True, True),
        (traits("kwok", environment={"KWOK_WORKDIR": f"{PLACE}/kwok"}), True, True),
        (traits("kubectl", "explain", environment={"KUBECACHEDIR": f"{PLACE}/schema/cache"}), True, True),
        # The folder was moved, here from another place: only where it works and what it has open tell.
        (traits("/old/dev/kwok/bin/etcd", folder=f"{PLACE}/kwok/clusters/lab"), True, True),
        (traits("/old/dev/bin/kube-apiserver", files=[f"{PLACE}/kwok/logs/kube-apiserver.log"]), True, True),
        # A user's own: it belongs to the folder, and is not the lab's to end.
        (traits("vim", f"{PLACE}/kwok/etcd.log"), True, False),
        (traits("kubectl", SERVER, "get", "pods", "-w"), True, False),
        (traits("bash", folder=PLACE), True, False),
        (traits("tar", PLACE), True, False),
        # Other labs, among them one whose path ends with this one's.
        (traits("bash", folder="/home/kim", environment={"KUBECONFIG": f"{PLACE}/kubeconfig"}), False, False),
        (traits("etcd", f"{PLACE}-2/kwok", folder=f"{PLACE}-2"), False, False),
        (traits("pilot-discovery", f"--kubeconfig=/mnt{PLACE}/kubeconfig"), False, False),
        (traits("bash", folder="/somewhere"), False, False),
    ],
)
def test_a_process_belongs_by_what_it_is_and_only_the_labs_own_are_ended(
    process: Traits, *, belongs: bool, own: bool
) -> None:
    assert remains.belongs(process, PLACE) is belongs
    assert (belongs and remains.is_own(process, PLACE)) is own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., psutil.Process]]:
    """Start what looks like etcd and takes no polite word; nothing names its pid."""
    program = tmp_path / "tools" / "etcd"
    program.parent.mkdir()
    program.write_text(STUBBORN)
    program.chmod(0o755)
    children: list[subprocess.Popen[bytes]] = []

    def server(*arguments: str, cwd: Path) -> psutil.Process:
        child = subprocess.Popen([program, *arguments], cwd=cwd, stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout
        assert child.stdout.readline()
        return psutil.Process(child.pid)

    yield server
    for child in children:
        with child:
            child.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "stacks" / "dev"
    (found / "kwok").mkdir(parents=True)
    return found


@pytest.mark.parametrize("frozen", [False, True], ids=["deaf", "stopped"])
@pytest.mark.parametrize("gone", [False, True], ids=["there", "deleted"])
def test_what_ignores_sigterm_is_ended_though_no_pid_file_and_no_folder_is_there(
    server: Callable[..., psutil.Process], folder: Path, *, frozen: bool, gone: bool
) -> None:
    process = server(f"{folder}/log", cwd=folder)
    if gone:
        (folder / "log").unlink()
        (folder / "kwok").rmdir()
        folder.rmdir()
    if frozen:
        process.suspend()

    assert [each.pid for each in remains.end(folder)] == [process.pid]

    assert not process_tree.runs(process)


def test_a_folder_that_was_moved_takes_its_processes_along(server: Callable[..., psutil.Process], folder: Path) -> None:
    process = server(f"{folder}/log", cwd=folder / "kwok")
    moved = folder.rename(folder.with_name("moved"))

    assert [each.pid for each in remains.find(moved) if each.own] == [process.pid]
    assert [each.pid for each in remains.find(folder) if each.own] == [process.pid]

    remains.end(moved)

    assert not process_tree.runs(process)


def test_a_folder_behind_a_link_is_the_same_folder(
    server: Callable[..., psutil.Process], folder: Path, tmp_path: Path
) -> None:
    process = server(cwd=folder)
    link = tmp_path / "link"
    link.symlink_to(folder.parent)

    assert [each.pid for each in remains.find(link / "dev")] == [process.pid]


def test_a_users_own_process_in_the_folder_is_found_and_left_alone(
    server: Callable[..., psutil.Process], folder: Path
) -> None:
    process = server(f"{folder}/log", cwd=folder)
    # `-c` says nothing about the folder: the process works there.
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as users:
        assert users.stdout
        assert users.stdout.readline(), "it has no command line before it runs"
        assert {each.pid: each.own for each in remains.find(folder)} == {process.pid: True, users.pid: False}

        remains.end(folder)

        assert not process_tree.runs(process)
        assert users.poll() is None


def test_a_pid_file_that_names_a_stranger_ends_nobody(folder: Path, spawn: Callable[..., psutil.Process]) -> None:
    stranger = spawn("/bin/sleep", "30")
    (folder / "kwok" / "etcd.pid").write_text(str(stranger.pid))

    assert remains.end(folder) == []
    assert process_tree.runs(stranger)


def test_what_may_not_be_ended_is_named_with_the_command_that_may(
    server: Callable[..., psutil.Process], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = server(cwd=folder)
    # As with a process of another user.
    monkeypatch.setattr(process_tree, "stop", lambda *_, **__: None)

    with pytest.raises(LabError, match=f"These processes of the lab cannot be ended:\n  {process.pid} ") as refused:
        remains.end(folder)

    assert refused.value.remedy.endswith(f"sudo kill -9 {process.pid}")


def test_whoever_asks_is_nobodys_remains(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert os.getpid() not in {each.pid for each in remains.find(folder)}


def test_the_network_of_a_process_is_told_where_there_are_any() -> None:
    assert remains.network_of("self").startswith("net:[") or sys.platform != "linux"
    assert remains.network_of("no process") == ""
