"""Plain Pulumi in a fresh clone on Azure: neither `make` nor `lab` ever ran there."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.azure import aks
from tests.azure.conftest import place_programs
from tests.engine.plain import PlainPulumi

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Fresh:
    """A fresh copy, and the folder of the stand-in for Azure."""

    copy: PlainPulumi
    azure: Path

    def existing(self) -> set[str]:
        store = self.azure / "store.json"
        return {each["id"] for each in json.loads(store.read_text())["entries"]} if store.exists() else set()


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fresh]:
    folder, azure = Path(tempfile.mkdtemp(prefix="plain-")), Path(tempfile.mkdtemp(prefix="azure-"))
    copy = PlainPulumi.copy_to(folder, virtualenv=Path(sys.prefix))
    place_programs(azure, plugins=copy.user_home / ".pulumi" / "plugins")
    copy = copy.with_environment(PATH=os.pathsep.join((str(azure / "bin"), copy.environment["PATH"])))
    copy.pulumi("stack", "init", "azure").succeeded()
    yield Fresh(copy, azure)
    aks.delete(azure)
    shutil.rmtree(azure)
    shutil.rmtree(folder)


def test_it_stands_on_azure_by_plain_pulumi_and_leaves_nothing(fresh: Fresh, tmp_path: Path) -> None:
    copy, starts = fresh.copy, tmp_path / "starts"

    preview = copy.noting_starts(starts).pulumi("preview", "--stack", "azure").succeeded().output
    address = ("--path", "istio-lab:azure.allowedRanges[0]", "203.0.113.7/32")
    copy.pulumi("config", "set", "--stack", "azure", *address).succeeded()
    copy.pulumi("up", "--yes", "--skip-preview", "--stack", "azure").succeeded()
    copy.pulumi("up", "--yes", "--stack", "azure", "--expect-no-changes").succeeded()
    outputs = json.loads(copy.pulumi("stack", "output", "--json", "--stack", "azure").succeeded().output)
    copy.pulumi("refresh", "--yes", "--stack", "azure").succeeded()
    copy.pulumi("preview", "--stack", "azure", "--expect-no-changes").succeeded()
    copy.pulumi("destroy", "--yes", "--stack", "azure").succeeded()

    assert starts.read_text() == ""
    assert "an hour" in preview
    assert outputs["kubeconfig"] == "[secret]"
    assert outputs["bookinfoUrl"] in outputs["README"]
    assert fresh.existing() == set()
