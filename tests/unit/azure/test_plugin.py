"""Pulumi's provider for Azure is brought once, by a pulumi that here only pretends."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.platforms.azure import plugin

if TYPE_CHECKING:
    from pathlib import Path

    from lab.core.progress import Progress

INSTALL = ["plugin", "install", "resource", "azure-native", versions.PULUMI_AZURE_NATIVE]


class Pulumi:
    """A pulumi that remembers each call's arguments and its home."""

    def __init__(self) -> None:
        self._log = paths.home() / "calls"
        self.does("exit 0")

    def does(self, then: str) -> None:
        program = paths.bin_dir() / "pulumi"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$PULUMI_HOME $*" >> {shlex.quote(str(self._log))}\n{then}\n')
        program.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        return [line.split() for line in self._log.read_text().splitlines()] if self._log.exists() else []


@pytest.fixture
def pulumi(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    del tools  # its PATH has no other pulumi
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "lab"))
    return Pulumi()


def has_plugin(version: str = versions.PULUMI_AZURE_NATIVE) -> None:
    folder = paths.pulumi_home() / "plugins" / f"resource-azure-native-v{version}"
    folder.mkdir(parents=True)
    (folder / "pulumi-resource-azure-native").write_text("")


def test_a_plugin_that_is_there_is_not_brought_again(pulumi: Pulumi, progress: Progress) -> None:
    has_plugin()

    plugin.ensure(progress)

    assert pulumi.calls == []


def test_a_plugin_that_is_not_there_is_installed_at_its_pinned_version(pulumi: Pulumi, progress: Progress) -> None:
    plugin.ensure(progress)

    assert pulumi.calls == [[str(paths.pulumi_home()), *INSTALL]]


def test_another_version_is_no_reason_to_go_without_the_pinned_one(pulumi: Pulumi, progress: Progress) -> None:
    has_plugin("3.0.0")

    plugin.ensure(progress)

    assert len(pulumi.calls) == 1


def test_a_folder_that_an_interrupted_download_left_is_no_plugin(pulumi: Pulumi, progress: Progress) -> None:
    has_plugin()
    (paths.pulumi_home() / "plugins" / f"resource-azure-native-v{versions.PULUMI_AZURE_NATIVE}").joinpath(
        "pulumi-resource-azure-native"
    ).unlink()

    plugin.ensure(progress)

    assert len(pulumi.calls) == 1


def test_a_mirror_is_passed_on(pulumi: Pulumi, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_PLUGIN_SERVER", "https://mirror.test/pulumi")

    plugin.ensure(progress)

    assert pulumi.calls[0][1:] == [*INSTALL, "--server", "https://mirror.test/pulumi"]


def test_an_empty_mirror_is_none(pulumi: Pulumi, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_PLUGIN_SERVER", "")

    plugin.ensure(progress)

    assert pulumi.calls[0][1:] == INSTALL


def test_a_download_that_fails_is_told_with_its_cause_and_the_mirrors_variable(
    pulumi: Pulumi, progress: Progress
) -> None:
    pulumi.does("echo 'error: no such host' >&2; exit 255")

    with pytest.raises(LabError) as refused:
        plugin.ensure(progress)

    assert versions.PULUMI_AZURE_NATIVE in refused.value.message
    assert refused.value.message.endswith("could not be installed: error: no such host")
    assert "ISTIO_LAB_PLUGIN_SERVER=https://" in refused.value.remedy


def test_of_a_long_complaint_the_end_is_told(pulumi: Pulumi, progress: Progress) -> None:
    pulumi.does("printf 'downloading %01000d\\nerror: 403 Forbidden\\n' 0 >&2; exit 1")

    with pytest.raises(LabError) as refused:
        plugin.ensure(progress)

    assert refused.value.message.endswith("error: 403 Forbidden")
    assert len(refused.value.message) < 650
    assert "downloading" not in refused.value.message
