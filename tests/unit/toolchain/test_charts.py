"""Istio's charts as the lab installs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from lab.core import paths, versions
from lab.toolchain import artifacts, charts

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "name: istiod\n# replaced at build-time\nversion: 1.0.0\nappVersion: 1.0.0\ndescription: a chart\n"


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chart in the cache, and a home folder."""
    folder = tmp_path / "cache" / "578cb60e5037" / "istiod"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(SOURCE)
    (folder / "templates" / "all.yaml").write_text("version: 1.0.0\n")
    monkeypatch.setattr(artifacts, "path", lambda _name: folder)
    monkeypatch.setattr(paths, "home", lambda: tmp_path / "home")
    return folder


def test_a_chart_names_istios_version_and_nothing_else_of_it_changes(pinned: Path) -> None:
    before = artifacts.hash_of(pinned)
    chart = charts.of_istio("istiod")

    found = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert found == {
        "name": "istiod", "version": versions.ISTIO, "appVersion": versions.ISTIO, "description": "a chart",
    }  # fmt: skip
    assert (chart / "templates" / "all.yaml").read_text() == "version: 1.0.0\n"
    assert chart.name == "istiod"
    assert artifacts.hash_of(pinned) == before


@pytest.mark.usefixtures("pinned")
def test_the_copy_is_made_once(tmp_path: Path) -> None:
    first = charts.of_istio("istiod")
    (first / "kept").touch()

    assert charts.of_istio("istiod") == first
    assert (first / "kept").exists()
    assert [each.name for each in (tmp_path / "home" / "charts").rglob(".*")] == []
