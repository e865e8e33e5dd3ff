"""Fixtures of all unit tests: nothing of the user's environment, and real processes that end with their test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters.stack import Stack
from lab.core import paths
from tests.unit.recorder import forget_the_users_environment

if TYPE_CHECKING:
    from pathlib import Path

Spawn = Callable[..., psutil.Process]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files with what the program makes now; review them with git diff",
    )


@pytest.fixture(autouse=True)
def _no_environment_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_users_environment(monkeypatch)


@pytest.fixture
def kept_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack of the project's own backend; `tests.unit.kept` writes its state."""
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    paths.stacks_dir().mkdir(parents=True)
    return Stack("kim")


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a program; its first line of output is waited for, so that it is ready."""
    children: list[subprocess.Popen[bytes]] = []

    def spawn(*command: str) -> psutil.Process:
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        children.append(child)
        if command[0] == "/bin/sh":
            assert child.stdout
            assert child.stdout.readline()
        return psutil.Process(child.pid)

    yield spawn
    for child in children:
        with child:
            child.kill()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], bool]:
    """Whether something becomes true within five seconds."""

    def eventually(holds: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + 5
        while not (result := holds()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return result

    return eventually
