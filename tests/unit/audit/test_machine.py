"""What a lab leaves on a machine: real processes, ports and files, none of which is a lab's."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.core import paths
from lab.services.audit import machine, record
from lab.services.audit.finding import AuditVerdict
from tests.unit.audit.conftest import resource
from tests.unit.audit.test_record import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.services.audit.finding import Finding
    from tests.unit.audit.conftest import PretendedStack

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def findings(stack: PretendedStack) -> dict[str, Finding]:
    return {each.looked_at: each for each in machine.examine(stack)}


def left(stack: PretendedStack) -> dict[str, tuple[str, ...]]:
    return {name: each.left for name, each in findings(stack).items() if each.verdict is AuditVerdict.LEFT}


@pytest.fixture
def port() -> Iterator[int]:
    """One on which this very process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_clean_machine_is_clean(stack: PretendedStack) -> None:
    assert left(stack) == {}


def test_a_process_in_the_stacks_folder_is_found_although_the_folder_is_gone(stack: PretendedStack) -> None:
    stack.directory.mkdir(parents=True)
    with subprocess.Popen(SLEEP, cwd=stack.directory) as child:
        try:
            stack.directory.rmdir()
            # For a moment the new process is still this one, in this one's folder.
            deadline = time.monotonic() + 5
            while "processes" not in left(stack) and time.monotonic() < deadline:
                time.sleep(0.05)
            found = findings(stack)["processes"]
        finally:
            child.kill()
    assert [line.split()[0] for line in found.left] == [str(child.pid)]
    assert found.remedy == f"kill -9 {child.pid}"


def test_what_the_lab_has_started_is_ended_by_down(stack: PretendedStack) -> None:
    with subprocess.Popen(SLEEP, env={"KWOK_WORKDIR": str(stack.directory / "kwok")}) as server:
        deadline = time.monotonic() + 5
        while "processes" not in left(stack) and time.monotonic() < deadline:
            time.sleep(0.05)
        remedy = findings(stack)["processes"].remedy
        server.kill()

    assert remedy == f"lab down --stack {stack.name}"


def test_whoever_asks_is_no_leftover(stack: PretendedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.directory.mkdir(parents=True)
    monkeypatch.chdir(stack.directory)

    assert "processes" not in left(stack)


def test_files_are_named_even_when_the_folder_is_empty(stack: PretendedStack) -> None:
    stack.directory.mkdir(parents=True)
    assert left(stack)["files"] == (str(stack.directory),)

    (stack.directory / "kubeconfig").touch()

    assert left(stack)["files"] == (str(stack.directory), str(stack.directory / "kubeconfig"))


def test_a_lock_is_named_with_who_holds_it(stack: PretendedStack) -> None:
    folder = paths.state_dir() / ".pulumi" / "locks" / "organization" / "istio-lab" / "kim"
    folder.mkdir(parents=True)
    (folder / "0a1b.json").write_text(json.dumps({"pid": 2**31 - 1, "timestamp": "2026-11-23T14:00:00Z"}))

    assert left(stack)["locks"] == ("of process 2147483647, since 2026-11-23T14:00:00Z, which is gone",)


def test_credentials_that_the_provider_left_are_named(stack: PretendedStack) -> None:
    stands_on(stack, {"etcd": 1}, server="https://127.0.0.1:20002")
    file = kubeconfig(paths.temporary_dir() / "kubeconfig77", "https://127.0.0.1:20002")

    assert left(stack)["temporary kubeconfigs"] == (str(file),)


def test_without_a_record_nobody_claims_to_have_looked_at_ports_and_credentials(stack: PretendedStack) -> None:
    assert findings(stack)["ports"].verdict is AuditVerdict.UNSEEN
    assert findings(stack)["temporary kubeconfigs"].verdict is AuditVerdict.CLEAN

    kubeconfig(paths.temporary_dir() / "kubeconfig77", "https://127.0.0.1:20002")

    assert findings(stack)["temporary kubeconfigs"].verdict is AuditVerdict.UNSEEN


def test_a_port_that_answers_is_left_unless_a_stranger_has_taken_it(
    stack: PretendedStack, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_on(stack, {"etcd": port})
    found = findings(stack)["ports"]
    assert (found.verdict, found.note) == (AuditVerdict.CLEAN, f"{port}: taken by another program since")

    def nobody(**_: object) -> object:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", nobody)

    assert left(stack)["ports"] == (str(port),)


def test_ports_of_the_stacks_own_processes_are_never_strangers() -> None:
    assert machine.listeners([1, 2, 3], {1: 10, 2: 20, 3: None}, [10]) == ([1, 3], [2])


def stands_on(stack: PretendedStack, ports: dict[str, int], *, server: str = "") -> None:
    """A lab that was taken down after it had listened there."""
    kind = "pulumi-python:dynamic/embedded:ControlPlane"
    stack.resources = [resource(kind, "control-plane", outputs={"ports": ports})]
    if server:
        kubeconfig(stack.kubeconfig, server)
    record.before_down(stack, stack.export())
    stack.resources = []
    if server:
        stack.kubeconfig.unlink()
        stack.directory.rmdir()
