"""Tools that come when they are first asked for."""

from __future__ import annotations

import io
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab import toolchain
from lab.cli import app
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import lockfile
from lab.toolchain.catalog import ON_DEMAND
from tests.unit.toolchain.support import FakeGo, locked, program

if TYPE_CHECKING:
    from pathlib import Path

SHA = "a" * 64


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockfile, "load", locked)


@pytest.fixture
def lab_command(lab: Path) -> Path:
    """A `lab` that brings a program which shows its arguments, and notes what it was asked for."""
    there = program(lab / "tool", '#!/bin/sh\nprintf "%s|" "$@"\nexit 7\n')
    script = f'#!/bin/sh\necho "$ISTIO_LAB_HOME $*" >> {lab}/asked\n[ ! -e {lab}/broken ] || exit 3\necho {there}\n'
    return program(paths.bin_dir() / "lab", script)


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(paths.bin_dir() / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})


def test_a_stand_in_brings_the_tool_and_runs_it_with_the_same_words(lab: Path, lab_command: Path) -> None:
    toolchain.offer()
    done = run("istioctl", "analyze", "-n", "two words", "$HOME")
    assert (done.stdout, done.returncode) == ("analyze|-n|two words|$HOME|", 7)
    assert (lab / "asked").read_text() == f"{paths.home()} bring istioctl\n"
    assert lab_command.exists()


@pytest.mark.usefixtures("lab_command")
def test_a_stand_in_runs_nothing_where_the_tool_cannot_be_had(lab: Path) -> None:
    toolchain.offer()
    (lab / "broken").touch()
    done = run("kubectl-argo-rollouts", "version")
    assert (done.stdout, done.returncode) == ("", 3)


@pytest.mark.usefixtures("go")
def test_what_is_in_the_cache_is_there_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toolchain.ensure(ON_DEMAND)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "another clone"))
    toolchain.offer()
    assert [(paths.bin_dir() / name).is_symlink() for name in ON_DEMAND] == [True, True]
    assert toolchain.path("istioctl").is_relative_to(paths.cache())


def test_a_link_to_a_version_that_is_no_longer_pinned_gives_way_to_a_stand_in(lab: Path) -> None:
    former = program(lab / "former", "#!/bin/sh\necho former\n")
    paths.bin_dir().mkdir(parents=True)
    (paths.bin_dir() / "istioctl").symlink_to(former)
    toolchain.offer()
    assert former.read_text() == "#!/bin/sh\necho former\n"
    assert "bring istioctl" in (paths.bin_dir() / "istioctl").read_text()


def test_a_stand_in_that_was_cut_off_is_made_again() -> None:
    toolchain.offer()
    (paths.bin_dir() / "istioctl").chmod(0o600)
    toolchain.offer()
    assert os.access(paths.bin_dir() / "istioctl", os.X_OK)


def test_who_asks_first_reads_what_comes_and_who_asks_again_reads_nothing(go: FakeGo) -> None:
    toolchain.offer()
    said = io.StringIO()
    [first] = toolchain.bring(["istioctl"], Progress(said))
    assert "istioctl is used here for the first time, so it comes now, once: build (cluster), up to 10 min\n" in (
        said.getvalue()
    )
    assert (paths.bin_dir() / "istioctl").resolve() == first
    assert len(go.calls("build")) == 1
    said = io.StringIO()
    assert toolchain.bring(["istioctl"], Progress(said)) == [first]
    assert said.getvalue() == ""


@pytest.mark.usefixtures("go")
def test_the_command_prints_the_path_alone() -> None:
    result = CliRunner().invoke(app.app, ["bring", "istioctl"])
    assert result.stdout == f"{toolchain.path('istioctl')}\n"


def test_the_command_knows_the_tools_of_the_lab_only() -> None:
    result = CliRunner().invoke(app.app, ["bring", "terraform"])
    assert isinstance(result.exception, LabError)
    assert "Unknown tools: terraform" in result.exception.message
