"""A PATH with nothing on it but a shell's tools and an az that only pretends."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from lab.cli import azure, doctor
from lab.cli import console as terminal
from lab.core.progress import Progress
from tests.unit.azure.support import FakeAz


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "sleep"):
        (folder / name).symlink_to(next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists()))
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def az(tools: Path) -> FakeAz:
    return FakeAz(tools / "az")


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    """The terminal of every command."""
    made = Console(file=io.StringIO(), width=200)
    for module in (terminal, azure, doctor):
        monkeypatch.setattr(module, "console", made)
    return made


@pytest.fixture
def progress() -> Progress:
    return Progress(quiet=True)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
