"""A lab that runs is never removed by a stack of another backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.adapters import backend
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.embedded import claim, control_plane
from lab.services import lifecycle

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = '{"version": 3, "checkpoint": {"stack": "dev", "latest": {}}}'
MINE, THEIRS = "file:///mine", "file:///theirs"


@pytest.fixture
def claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_BACKEND_URL", THEIRS)
    claim.note(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("backend", "runs", "refused"),
    [(MINE, True, True), (MINE, False, False), (THEIRS, True, False)],
)
def test_a_lab_of_another_backend_is_refused_while_it_runs(
    claimed: Path, monkeypatch: pytest.MonkeyPatch, backend: str, *, runs: bool, refused: bool
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    monkeypatch.setattr(control_plane, "runs_partly", lambda _directory: runs)

    if not refused:
        claim.require_own(claimed)
        return
    with pytest.raises(LabError) as caught:
        claim.require_own(claimed)
    assert THEIRS in caught.value.message
    assert "ISTIO_LAB_BACKEND_URL" in caught.value.remedy


def test_a_folder_that_nobody_claimed_may_be_used(tmp_path: Path) -> None:
    claim.require_own(tmp_path)


@pytest.mark.parametrize(
    ("owner", "named"),
    [
        ("s3://team-state", "ISTIO_LAB_BACKEND_URL=s3://team-state make down STACK=kim"),
        ("postgres://...@desk/state", "ISTIO_LAB_BACKEND_URL=login make down STACK=kim"),
        ("file:///team/state?region=a&x=b", "ISTIO_LAB_BACKEND_URL='file:///team/state?region=a&x=b' make down"),
    ],
)
def test_a_lab_of_another_backend_is_not_removed_and_its_backend_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, named: str
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    (tmp_path / "backend").write_text(owner)

    with pytest.raises(LabError) as caught:
        claim.require_removable(tmp_path, suffix=" STACK=kim")

    assert named in caught.value.remedy
    assert "make clean" in caught.value.remedy


def test_a_lab_whose_state_is_in_the_project_is_not_removed_with_another_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.url())
    claim.note(tmp_path)
    claim.require_removable(tmp_path, suffix="")
    monkeypatch.setenv("ISTIO_LAB_BACKEND_URL", "s3://team-state")

    with pytest.raises(LabError) as caught:
        claim.require_removable(tmp_path, suffix="")

    assert "take it down there: env -u ISTIO_LAB_BACKEND_URL make down" in caught.value.remedy


def test_a_clone_that_was_moved_is_no_other_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"{(tmp_path / 'before').as_uri()}/state?metadata=skip")
    claim.note(tmp_path)

    claim.require_removable(tmp_path, suffix="")

    (tmp_path / "before" / "state").mkdir(parents=True)
    with pytest.raises(LabError):
        claim.require_removable(tmp_path, suffix="")


@pytest.mark.parametrize("state", ["", EMPTY, "{}"])
def test_down_leaves_a_lab_alone_that_another_backend_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Also if this one has a stack of that name which was never up, or whose state is broken."""
    monkeypatch.delenv("ISTIO_LAB_BACKEND_URL", raising=False)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(Stack, "export", lambda stack: stack.files.read().exported if stack.files else "")
    for folder in (paths.stacks_dir(), paths.stack_dir("dev")):
        folder.mkdir(parents=True)
    if state:
        (paths.stacks_dir() / "dev.json").write_text(state)
    (paths.stack_dir("dev") / "backend").write_text("s3://team-state")

    with pytest.raises(LabError) as caught:
        lifecycle.down(Stack("dev"), lifecycle.TerminalEngine())

    assert "ISTIO_LAB_BACKEND_URL=s3://team-state make down" in caught.value.remedy
    assert paths.stack_dir("dev").exists()
