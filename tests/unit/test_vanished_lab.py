"""A lab of which the state alone is left: `up` makes it anew, since nothing can be lost by it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab.services import state_repair
from tests.unit import kept

if TYPE_CHECKING:
    from pathlib import Path

    from lab.adapters.stack import Stack


def test_it_has_vanished_when_its_folder_is_empty_or_gone(kept_stack: Stack) -> None:
    kept.keep(kept_stack, kept.plane(kept_stack))
    assert state_repair.has_vanished(kept_stack)

    kept_stack.directory.mkdir(parents=True)
    assert state_repair.has_vanished(kept_stack)


def test_it_has_not_while_anything_of_it_is_there(kept_stack: Stack) -> None:
    kept.keep(kept_stack, kept.plane(kept_stack))
    (kept_stack.directory / "kwok").mkdir(parents=True)

    assert not state_repair.has_vanished(kept_stack)


def test_it_has_not_while_a_server_of_it_runs_without_its_data(kept_stack: Stack, tmp_path: Path) -> None:
    kept.keep(kept_stack, kept.plane(kept_stack))
    etcd = tmp_path / "etcd"
    etcd.symlink_to("/bin/sleep")

    with subprocess.Popen([etcd, "60"], env={"KWOK_WORKDIR": str(kept_stack.directory)}) as server:
        assert not state_repair.has_vanished(kept_stack)
        server.kill()
    assert state_repair.has_vanished(kept_stack)


def test_it_has_not_when_something_of_it_is_elsewhere(kept_stack: Stack) -> None:
    kept.keep(kept_stack, kept.plane(kept_stack), kept.GROUP)

    assert not state_repair.has_vanished(kept_stack)


def test_a_stack_that_never_stood_has_not(kept_stack: Stack) -> None:
    assert not state_repair.has_vanished(kept_stack)
