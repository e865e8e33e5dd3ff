from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.adapters.stack import Stack
from lab.core import paths
from lab.services.images import tags
from lab.toolchain import applications
from tests.unit.images.pretended import Pretended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = "0123456789abcdef" * 4
OUTPUTS = {"registry": "istiolabdev.azurecr.io", "azureSubscription": "5a0c1a4e-7d1b-4c0a-9b1f-2f6f0f8b6f11"}


class Pretending(Stack):
    """A stack whose settings are in memory."""

    def __init__(self, name: str, target: str, outputs: dict[str, str]) -> None:
        super().__init__(name)
        self.settings: dict[str, str] = {}
        self._target, self._outputs = target, outputs

    @property
    def target(self) -> str:
        return self._target

    def exists(self) -> bool:
        return True

    def outputs(self) -> dict[str, str]:
        return self._outputs

    def set_config(self, path: str, value: str) -> None:
        self.settings[path] = value


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pretended]:
    """Put pretended programs on PATH, and nothing else but what git needs."""

    def put(*programs: str) -> Pretended:
        found = Pretended(tmp_path / "programs", programs)
        monkeypatch.setenv("PATH", f"{found.bin}:/usr/bin:/bin")
        return found

    # A folder of sources of its own: the content of this project changes with every edit.
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(applications, "content_hash", lambda _app: CONTENT)
    monkeypatch.setattr(applications, "names", lambda: ("delivery", "order"))
    (tmp_path / "apps").mkdir()
    return put


@pytest.fixture
def azure() -> Pretending:
    return Pretending("azure", "azure", dict(OUTPUTS))


@pytest.fixture
def embedded() -> Pretending:
    return Pretending("dev", "embedded", {})


MARK = tags.content_tag(CONTENT)
