"""Operations of unknown result, and engines that outlive their command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from lab.adapters.locks import Lock
from lab.adapters.stack import Stack
from lab.services import half_made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Spawn

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
PROVIDER = {"urn": "urn::kubernetes", "type": "pulumi:providers:kubernetes", "id": "7"}


def resource(name: str, type_: str = CONFIG_MAP, **more: object) -> dict[str, Any]:
    return {"urn": f"urn::{name}", "type": type_, "id": name, "provider": "urn::kubernetes::7", **more}


def settled(resources: list[dict[str, Any]], *pending: tuple[str, dict[str, Any]]) -> list[str]:
    operations = [{"type": what, "resource": entry} for what, entry in pending]
    deployment = {"resources": [PROVIDER, *resources], "pending_operations": operations}
    result, number = half_made.without_pending(deployment, remake=True)
    assert number == len(pending)
    assert "pending_operations" not in result
    assert len(deployment["resources"]) == len(resources) + 1
    return [each["id"] for each in result["resources"]][1:]


def test_a_healthy_state_stays_as_it_is() -> None:
    deployment = {"resources": [PROVIDER, resource("a")]}

    assert half_made.without_pending(deployment, remake=True) == (deployment, 0)


@pytest.mark.parametrize("what", ["creating", "updating", "reading"])
def test_what_was_being_made_or_changed_is_only_done_again(what: str) -> None:
    assert settled([resource("a"), resource("b")], (what, resource("b"))) == ["a", "b"]


def test_what_was_being_deleted_is_made_again() -> None:
    assert settled([resource("a"), resource("b")], ("deleting", resource("b"))) == ["a"]
    assert settled([resource("a"), resource("b")], ("deleting", resource("a")), ("deleting", resource("b"))) == []


def test_what_was_being_deleted_stays_for_a_down_to_delete() -> None:
    operation = {"type": "deleting", "resource": resource("a")}
    deployment = {"resources": [PROVIDER, resource("a")], "pending_operations": [operation]}

    assert half_made.without_pending(deployment, remake=False) == ({"resources": [PROVIDER, resource("a")]}, 1)


def test_of_a_replacement_only_the_old_one_goes() -> None:
    old, new = resource("a", delete=True), resource("a")

    assert settled([new, old], ("deleting", old)) == ["a"]


@pytest.mark.parametrize(
    "need",
    [
        {"dependencies": ["urn::a"]},
        {"propertyDependencies": {"spec": ["urn::a"], "metadata": None}},
        {"parent": "urn::a"},
        {"deletedWith": "urn::a"},
        {"provider": "urn::a::9"},
    ],
)
def test_a_resource_that_others_need_stays(need: dict[str, Any]) -> None:
    assert settled([resource("a"), resource("b", **need)], ("deleting", resource("a"))) == ["a", "b"]


def test_a_resource_whose_creation_refuses_what_is_there_stays() -> None:
    cluster = resource("aks", "azure-native:containerservice:ManagedCluster")

    assert settled([cluster], ("deleting", cluster)) == ["aks"]


class Held(Stack):
    """A stack that a process holds for as long as it runs."""

    def __init__(self, held: Lock | None) -> None:
        super().__init__("kim")
        self.held, self.asked = held, 0

    def lock(self) -> Lock | None:
        self.asked += 1
        return self.held if self.asked < 3 else None


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program of the engine's name."""
    return str(shutil.copy2(shutil.which("sleep") or "/bin/sleep", tmp_path / "pulumi"))


def test_an_engine_whose_command_was_killed_is_waited_for(program: str) -> None:
    command = f"import subprocess; print(subprocess.Popen([{program!r}, '60'], stdout=-3).pid)"
    started = subprocess.run(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, check=True, start_new_session=True
    )
    pid, said = int(started.stdout), list[str]()

    half_made.wait_for_engine(Held(Lock(pid=pid, since="noon")), said.append)
    psutil.Process(pid).kill()

    assert said == [f"waiting for process {pid}, which goes on with the update of a command that was killed"]


def test_an_engine_whose_command_runs_is_not_waited_for(program: str, spawn: Spawn) -> None:
    stack = Held(Lock(pid=spawn(program, "60").pid, since="noon"))

    half_made.wait_for_engine(stack, pytest.fail)

    assert stack.asked == 1


def test_an_engine_that_was_stopped_is_not_waited_for(
    program: str, eventually: Callable[[Callable[[], bool]], bool]
) -> None:
    command = f"import subprocess; print(subprocess.Popen([{program!r}, '60'], stdout=-3).pid)"
    started = subprocess.run(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, check=True, start_new_session=True
    )
    engine = psutil.Process(int(started.stdout))
    engine.suspend()
    held = Lock(pid=engine.pid, since="noon")
    stack = Held(held)
    assert eventually(lambda: held.frozen)

    half_made.wait_for_engine(stack, pytest.fail)
    engine.kill()

    assert stack.asked == 1


@pytest.mark.parametrize("held", [None, Lock(pid=2**31 - 1, since="noon"), Lock(pid=1, since="noon", host="desk")])
def test_nobody_waits_for_a_lock_that_no_engine_of_this_machine_has(held: Lock | None) -> None:
    stack = Held(held)

    half_made.wait_for_engine(stack, pytest.fail)

    assert stack.asked == 1
