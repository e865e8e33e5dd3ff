"""Locks of a stack: whatever a file of them looks like, it is read, and only a dead one is broken."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.adapters import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Spawn

HELD = {"pid": 2**22 - 1, "username": "kim", "hostname": "desk", "timestamp": "2026-11-23T14:00:00+09:00"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 40,
        b"\xff\xfe{",
        b'{"pid": 1',
        b"[]",
        b"null",
        b"7",
        b'{"pid": null}',
        b'{"pid": "x", "timestamp": 1}',
        b'{"pid": -1}',
        b'{"pid": 1e400}',
        b"[" * 100_000,
        json.dumps({**HELD, "pid": 2**70}).encode(),
    ],
)
@pytest.mark.parametrize("name", ["0a1b.json", "0a1b.json.18fe2.tmp", "x"])
def test_a_file_of_any_content_and_name_is_a_lock_that_nobody_holds(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    found = locks.held(tmp_path, here="")
    locks.remove(tmp_path, here="")

    assert found
    assert not found.alive
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_may_be_alive_comes_first_and_stays(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"")
    (tmp_path / "2.json").write_text(json.dumps(HELD))
    (tmp_path / "3.json").write_text(json.dumps({**HELD, "hostname": os.uname().nodename}))
    (tmp_path / "folder").mkdir()

    found = locks.held(tmp_path, here=os.uname().nodename)
    locks.remove(tmp_path, here=os.uname().nodename)

    assert found
    assert found.holder == f"process {HELD['pid']} on desk"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["2.json", "folder"]


def test_where_every_lock_was_written_on_this_machine_its_former_name_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps(HELD))

    found = locks.held(tmp_path, here="")

    assert found == locks.Lock(pid=2**22 - 1, since="2026-11-23T14:00:00+09:00")


@pytest.fixture
def engine(tmp_path: Path, spawn: Spawn) -> psutil.Process:
    """A process of the engine's name."""
    return spawn(str(shutil.copy2(shutil.which("sleep") or "/bin/sleep", tmp_path / "pulumi")), "60")


def test_an_engine_that_has_ended_holds_nothing_though_its_parent_never_asks(
    engine: psutil.Process, eventually: Callable[[Callable[[], bool]], bool]
) -> None:
    held = locks.Lock(pid=engine.pid, since="noon")
    assert eventually(lambda: held.alive)

    engine.kill()

    assert eventually(lambda: engine.status() == psutil.STATUS_ZOMBIE)
    assert not held.alive


def test_an_engine_that_was_stopped_still_holds_and_is_told_from_one_at_work(
    engine: psutil.Process, eventually: Callable[[Callable[[], bool]], bool]
) -> None:
    held = locks.Lock(pid=engine.pid, since="noon")
    assert eventually(lambda: held.alive)
    assert not held.frozen
    assert "wait for it to end" in held.patience("dev")

    engine.suspend()

    assert eventually(lambda: held.frozen)
    assert held.alive
    assert f"kill -9 {engine.pid}" in held.patience("dev")


def test_no_folder_means_no_lock(tmp_path: Path) -> None:
    assert locks.held(tmp_path / "nowhere", here="") is None
