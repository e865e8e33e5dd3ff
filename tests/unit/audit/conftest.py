"""A home of the lab's own, and a stack in it that stands nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.adapters.stack import Stack
from lab.core import paths

if TYPE_CHECKING:
    from pathlib import Path


class PretendedStack(Stack):
    """A stack that answers from what it was given, and has a file of settings."""

    def __init__(self, project: Path) -> None:
        super().__init__("kim")
        self._project = project
        self.resources: list[dict[str, object]] = []
        self.last = "destroy"
        self.there = True
        self.configure()

    def configure(self, **given: object) -> None:
        config = {f"istio-lab:{key}": value for key, value in given.items()}
        self.file.write_text(yaml.safe_dump({"config": config}))

    @property
    def file(self) -> Path:
        return self._project / "Pulumi.kim.yaml"

    def exists(self) -> bool:
        return self.there

    def state(self) -> str | None:
        return self.export() if self.there else None

    def export(self) -> str:
        return json.dumps({"version": 3, "deployment": {"resources": self.resources}})

    def last_update(self) -> str:
        return self.last


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PretendedStack:
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    paths.temporary_dir().mkdir(parents=True)
    return PretendedStack(tmp_path)


def resource(kind: str, name: str, **more: object) -> dict[str, object]:
    """One entry of a state."""
    return {"urn": f"urn:pulumi:kim::istio-lab::{kind}::{name}", "type": kind, "custom": True, **more}
