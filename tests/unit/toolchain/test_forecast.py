"""The source that a tool would come from now, and about how long that takes."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lab import toolchain
from lab.cli import console as terminal
from lab.cli import doctor as shown
from lab.core import paths, versions
from lab.services import doctor
from lab.toolchain import artifacts, forecast
from lab.toolchain.catalog import TOOLS
from tests.unit.toolchain.support import FakeGo, locked, prebuilt, program

if TYPE_CHECKING:
    from pathlib import Path

SHA = "a" * 64


def test_a_forecast_names_the_source_that_would_be_taken(
    lab: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = locked(kwok=prebuilt("https://dl.example.org/kwok", SHA), loki=prebuilt("https://dl.example.org/loki", SHA))

    def said(name: str) -> str:
        return str(forecast.foresee(lock, TOOLS[name]))

    assert said("kwok") == "download (dl.example.org), else build (cluster), about 10 s for 63 MB, else up to 10 min"
    assert said("fortio") == "build (fortio), up to 23 s"
    assert said("loki") == "download (dl.example.org), of unknown size"
    monkeypatch.setenv("ISTIO_LAB_MIRROR", "https://mirror.example/x")
    assert said("kwok").startswith("download (mirror.example), ")
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    assert said("kwok") == "build (cluster), up to 10 min"
    assert said("loki") == "none: the lab does not build Loki, which is under the AGPL"
    program(lab / "bin" / "kwok", f"#!/bin/sh\necho v{versions.KWOK}\n")
    assert said("kwok") == "PATH, at once"
    toolchain.ensure(["etcd"])
    assert said("etcd") == "cache, at once"
    go.file.unlink()
    assert said("fortio") == "none: no `go` on PATH: install Go >= 1.26.4"


@pytest.mark.usefixtures("go")
def test_charts_come_as_an_archive_or_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    [istiod] = {item.now for item in artifacts.report() if item.name == "istiod"}
    assert istiod.startswith("download (github.com), else module (istio.io/istio), about 5 s for 30 MB ")
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    [istiod] = {item.now for item in artifacts.report() if item.name == "istiod"}
    assert istiod == "module (istio.io/istio), of unknown size"


def test_without_go_and_downloads_there_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_OFFLINE", "1")
    [istiod] = {item.now for item in artifacts.report() if item.name == "istiod"}
    assert istiod == "none: no `go` on PATH: install Go >= 1.26.4"


def test_the_doctor_shows_it_for_everything_and_says_what_the_times_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "console", console := Console(file=io.StringIO(), width=400))
    monkeypatch.setattr(shown, "console", console)
    report = doctor.examine()
    shown.show(report)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert [item.name for item in report.items if not item.now] == []
    assert "download (dl.k8s.io), about 17 s for 105 MB" in text
    assert forecast.NOTE in text


def test_the_size_of_every_download_but_lokis_is_known() -> None:
    pins = json.loads((paths.PROJECT / "lab.lock.json").read_text())["tools"]
    lock = locked(**{name: prebuilt("https://dl.example.org/x", SHA) for name, found in pins.items() if found})
    unknown = [name for name in lock.tools if forecast.foresee(lock, TOOLS[name]).takes.startswith("of unknown")]
    assert unknown == ["loki"]
