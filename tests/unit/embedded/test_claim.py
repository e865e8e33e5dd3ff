"""A lab that runs is never removed by a stack of another backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.embedded import claim, control_plane

if TYPE_CHECKING:
    from pathlib import Path

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
