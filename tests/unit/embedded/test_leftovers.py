"""A kwokctl whose command was killed: it would go on starting servers."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.platforms.embedded import control_plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """A kwokctl at work for each of two labs."""
    program = shutil.copy2(shutil.which("sleep") or "/bin/sleep", tmp_path / "kwokctl")
    started = {
        name: subprocess.Popen([program, "60"], env={"KWOK_WORKDIR": str(tmp_path / name / "kwok")})
        for name in ("dev", "other")
    }
    yield started
    for each in started.values():
        each.kill()
        each.wait()


def test_it_ends_with_its_own_lab_alone(labs: dict[str, subprocess.Popen[bytes]], tmp_path: Path) -> None:
    control_plane.remove(tmp_path / "dev")

    assert labs["dev"].wait(timeout=10) < 0
    assert labs["other"].poll() is None
