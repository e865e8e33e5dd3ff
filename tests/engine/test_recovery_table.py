"""From every broken state, every command leads on: it does its work, or names the one or two commands that do.

The lab is as after a reboot: its files are there, none of its processes runs. In a cell of the table, one state is
brought about and one command is run. What it claims has to be so. What it asks for is done, at most two commands and
what a person has to do by hand; then a lab stands, or the machine is empty.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.engine import broken_states
from tests.engine.broken_states import NEED_A_MOUNT, STATES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.laboratory import Laboratory, Result

COMMANDS = ("clean", "down", "up", "recover", "audit", "drift", "preview")
"""Those first that the others name, since a way out that was followed to its end is not followed again."""

_LIMIT = 2
"""Commands after the first one."""

_NAMED = re.compile(r"\b(?:make|lab) (up|recover|down|clean)\b")

SAMPLE = {
    ("lock_of_nothing", "preview"),
    ("lock_of_garbage", "down"),
    ("lock_of_another_shape", "audit"),
    ("lock_of_another_host_and_user", "down"),
    ("lock_of_a_live_process", "clean"),
    ("several_locks", "clean"),
    ("creating", "down"),
    ("state_empty", "down"),
    ("state_cut", "recover"),
    ("state_not_json", "clean"),
    ("state_of_another_shape", "audit"),
    ("state_without_any_backup", "down"),
    ("state_gone", "down"),
    ("state_and_backups_gone", "clean"),
    ("state_gzipped", "down"),
    ("state_gzipped_and_cut", "clean"),
    ("passphrase_lost", "down"),
    ("stack_folder_gone", "down"),
    ("home_gone", "down"),
    ("cache_gone", "down"),
    ("disk_full", "clean"),
    ("folder_read_only", "clean"),
}
"""Cells of the usual tier: a state each, with commands that are quick. The whole table is in the slow one."""


@pytest.fixture(scope="module")
def stopped(laboratory: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a lab that stood until the machine was switched off."""
    laboratory.lab("up").succeeded()
    broken_states.end(laboratory.processes())
    copy = tmp_path_factory.mktemp("stopped") / "lab"
    shutil.copytree(laboratory.project / ".lab", copy, symlinks=True)
    yield copy
    _restore(laboratory, copy)
    laboratory.lab("clean").succeeded()
    laboratory.lab("setup").succeeded()


@pytest.fixture
def case(laboratory: Laboratory, stopped: Path, state: str, tmp_path: Path) -> Iterator[Case]:
    if state in NEED_A_MOUNT and not broken_states.can_mount(tmp_path):
        pytest.skip("this user may not mount a disk")
    _restore(laboratory, stopped)
    with broken_states.broken(state, laboratory) as case:
        yield case
        broken_states.end(case.processes())


def _restore(laboratory: Laboratory, stopped: Path) -> None:
    broken_states.end(laboratory.processes())
    shutil.rmtree(laboratory.project / ".lab", ignore_errors=True)
    shutil.copytree(stopped, laboratory.project / ".lab", symlinks=True)


def cells() -> list[object]:
    return [
        pytest.param(state, command, marks=() if (state, command) in SAMPLE else pytest.mark.slow)
        for command in COMMANDS
        for state in STATES
    ]


_PROVEN: set[tuple[str, tuple[str, ...]]] = set()
"""Ways out that were followed from a state to their end in this run."""


@pytest.mark.parametrize(("state", "command"), cells())
def test_every_command_leads_on_from_every_state(case: Case, state: str, command: str) -> None:
    before = fingerprint(case)
    said, steps = [run(case, command)], [command]
    while said[-1].code and len(steps) <= _LIMIT:
        following = tuple(remedy(said[-1], steps[-1]))
        assert following, f"no way out is named:\n{said[-1].output}"
        if len(steps) == 1 and (state, following) in _PROVEN and fingerprint(case) == before:
            return
        case.lift()
        for step in following:
            said.append(run(case, step))
            steps.append(step)
    told = "\n".join(f"$ lab {step}\n{each.output}" for step, each in zip(steps, said, strict=True))
    assert said[-1].code == 0, told
    assert len(steps) - 1 <= _LIMIT, told
    _PROVEN.update((state, tuple(steps[begin:])) for begin in (0, 1))


def fingerprint(case: Case) -> dict[Path, bytes]:
    """What a refusal has to leave as it was, so that the way out of it is the same as that of another."""
    root = case.home / "state"
    files = [case.home / "passphrase", *(root.rglob("*") if root.is_dir() else ())]
    return {file: file.read_bytes() for file in files if file.is_file()}


def remedy(result: Result, command: str) -> list[str]:
    """The commands that a refusal asks for; the same one again where it asks for something else first."""
    lines = result.output.splitlines()
    asked = [line for line in lines if line.startswith("do: ")] or [line for line in lines if _NAMED.search(line)]
    if not asked:
        return []
    found = _NAMED.findall(asked[-1])
    again = any(words in asked[-1] for words in ("again", "wait for it to end", "ISTIO_LAB_HOME"))
    assert found != [command], f"the remedy of {command} is {command}:\n{result.output}"
    return found or ([command] if again else [])


def run(case: Case, command: str) -> Result:
    """Run a command; what it claims has to be so."""
    result = case.laboratory.lab(command)
    assert "Traceback" not in result.output, result.output
    assert ".py" not in result.output, result.output
    if result.code == 0:
        if check := CLAIMS.get(command):
            check(case, result)
    else:
        for claim in ("The lab stands", "is taken down", "Clean.", "Nothing is left"):
            assert claim not in result.output, result.output
    return result


def stands(case: Case, result: Result) -> None:
    assert "The lab stands" in result.output
    pods = case.laboratory.get("pods", "-A")["items"]
    assert len(pods) > 30
    case.laboratory.kubectl("wait", "pods", "-A", "--all", "--for=condition=Ready", "--timeout=60s").succeeded()
    assert case.state.is_file()
    assert json.loads(case.state.read_text())["checkpoint"]["latest"].get("pending_operations") is None


def is_taken_down(case: Case, result: Result) -> None:
    assert case.processes() == [], result.output
    assert not case.laboratory.directory.exists(), result.output
    if case.state.is_file():
        assert not json.loads(case.state.read_text())["checkpoint"]["latest"].get("resources"), result.output


def is_clean(case: Case, result: Result) -> None:
    assert case.processes() == [], result.output
    assert not case.home.exists() or not any(case.home.iterdir()), result.output


CLAIMS = {"up": stands, "recover": stands, "down": is_taken_down, "clean": is_clean, "audit": is_taken_down}
"""What a command that ends well says of the machine."""
