"""What callers of the toolchain see: links, the fast path, the report."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab import toolchain
from lab.core import paths, versions
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services import lifecycle
from lab.toolchain import lockfile, resolution
from lab.toolchain.catalog import DEFAULT, TOOLS
from tests.unit.toolchain.support import FakeGo, Server, locked, prebuilt, program

if TYPE_CHECKING:
    from pathlib import Path

    from lab.toolchain.lockfile import Lock

BODY = b"#!/bin/sh\necho downloaded\n"
SHA = hashlib.sha256(BODY).hexdigest()


def installed(folder: Path, name: str, version: str) -> Path:
    return program(folder / "bin" / name, f"#!/bin/sh\necho v{version}\n")


def test_everything_is_built_with_one_call_a_group_and_put_where_it_is_looked_for(go: FakeGo) -> None:
    toolchain.ensure()
    assert len(go.calls("build")) == 6
    plugin = (
        paths.pulumi_home() / f"plugins/resource-kubernetes-v{versions.PULUMI_KUBERNETES}/pulumi-resource-kubernetes"
    )
    assert os.access(plugin, os.X_OK)
    assert {file.name for file in paths.bin_dir().iterdir()} == set(DEFAULT) - {plugin.name}
    for name in DEFAULT:
        assert toolchain.path(name).is_relative_to(paths.cache())


@pytest.mark.usefixtures("go")
def test_a_plugin_is_not_left_marked_as_partial() -> None:
    mark = paths.pulumi_home() / "plugins" / f"resource-kubernetes-v{versions.PULUMI_KUBERNETES}.partial"
    program(mark, "")
    toolchain.ensure(["pulumi-resource-kubernetes"])
    assert not mark.exists()


@pytest.mark.usefixtures("go")
def test_the_engine_finds_its_language_host_beside_it_so_neither_is_a_link() -> None:
    tools = ["pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"]
    toolchain.ensure(tools)
    for tool in tools:
        placed = paths.bin_dir() / tool
        assert placed.is_file()
        assert not placed.is_symlink()
        assert placed.read_bytes() == toolchain.path(tool).read_bytes()


@pytest.mark.usefixtures("go")
def test_a_link_of_an_earlier_version_becomes_a_file() -> None:
    toolchain.ensure(["pulumi"])
    placed, real = paths.bin_dir() / "pulumi", toolchain.path("pulumi")
    placed.unlink()
    placed.symlink_to(real)
    resolution.place(real, placed)
    assert not placed.is_symlink()
    assert placed.samefile(real)


@pytest.mark.usefixtures("go")
def test_when_all_is_there_it_takes_less_than_100_ms_and_loads_nothing_heavy() -> None:
    toolchain.ensure()
    command = (
        "import sys, time\nfrom lab import toolchain\nbegun = time.perf_counter()\ntoolchain.ensure()\n"
        "print(time.perf_counter() - begun, [m for m in ('httpx', 'rich', 'pydantic', 'filelock') if m in sys.modules])"
    )
    runs = [
        subprocess.run([sys.executable, "-c", command], cwd=paths.PROJECT, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds, loaded = min(run.stdout for run in runs).split(maxsplit=1)
    assert loaded.strip() == "[]"
    assert float(seconds) < 0.1


def test_a_tool_that_vanished_or_was_truncated_is_resolved_again(go: FakeGo) -> None:
    toolchain.ensure(["kwokctl", "kwok"])
    toolchain.path("kwokctl").unlink()
    toolchain.path("kwok").write_text("")
    with pytest.raises(LabError, match="kwokctl is not there"):
        toolchain.path("kwokctl")
    toolchain.ensure(["kwokctl", "kwok"])
    assert len(go.calls("build")) == 2
    assert toolchain.path("kwok").read_text() == toolchain.path("kwokctl").read_text() != ""


def test_a_damaged_resolution_cache_is_as_good_as_none(go: FakeGo) -> None:
    toolchain.ensure(["etcd"])
    (paths.home() / "toolchain.json").write_text('{"inputs": 7}')
    toolchain.ensure(["etcd"])
    assert toolchain.path("etcd").exists()
    assert len(go.calls("build")) == 1


@pytest.mark.usefixtures("go")
def test_changed_pins_make_the_resolution_cache_worthless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain.ensure(["etcd"])
    other = tmp_path / "lab.lock.json"
    other.write_text(resolution.LOCK_FILE.read_text() + "\n")
    monkeypatch.setattr(resolution, "LOCK_FILE", other)
    with pytest.raises(LabError, match="etcd is not there"):
        toolchain.path("etcd")


def test_an_unknown_tool_is_refused_by_name() -> None:
    with pytest.raises(LabError, match="Unknown tools: terraform"):
        toolchain.ensure(["terraform"])


@pytest.mark.usefixtures("go")
def test_the_report_says_what_is_used_what_is_not_and_what_is_missing(lab: Path) -> None:
    toolchain.ensure(["etcd"])
    installed(lab, "etcd", "3.5.0")
    installed(lab, "kubectl", versions.KUBERNETES)
    installed(lab, "helm", "2.0.0")
    status = {item.name: item for item in toolchain.report()}
    assert status.keys() == TOOLS.keys()
    etcd, kubectl, helm, kwok = (status[name] for name in ("etcd", "kubectl", "helm", "kwok"))
    assert etcd.origin.startswith("cache (built 20")
    assert (etcd.found, etcd.elsewhere) == (versions.ETCD, f"{lab}/bin/etcd (3.5.0)")
    assert (kubectl.origin, kubectl.found) == (f"PATH ({lab}/bin/kubectl)", versions.KUBERNETES)
    assert (helm.origin, helm.found, helm.elsewhere) == ("missing", None, f"{lab}/bin/helm (2.0.0)")
    assert helm.remedy == "", "only the benchmark needs it"
    assert (kwok.origin, kwok.path, kwok.remedy) == ("missing", None, "Run `lab setup`.")
    assert [str(tool.now) for tool in (etcd, kubectl)] == ["cache, at once", "PATH, at once"]
    assert str(kwok.now).startswith("download (github.com), else build (cluster), about 10 s for 63 MB, else up to ")


@pytest.mark.usefixtures("go")
def test_a_cached_tool_that_was_changed_is_noticed() -> None:
    toolchain.ensure(["etcd", "kwok"])
    assert toolchain.verify() == []
    real = toolchain.path("etcd")
    facts = real.stat()
    real.write_bytes(real.read_bytes().replace(b"built", b"evil!"))
    os.utime(real, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    [said] = toolchain.verify()
    assert said.startswith(f"etcd: {real} was changed")


@pytest.mark.usefixtures("go")
def test_pruning_frees_what_builds_leave_and_keeps_the_tools() -> None:
    toolchain.ensure(["pulumi-resource-kubernetes"])
    assert toolchain.prune_go_cache() > 0
    assert not (paths.cache() / "go").exists()
    assert toolchain.path("pulumi-resource-kubernetes").exists()


def pinned(url: str, sha256: str) -> Lock:
    return locked(loki=prebuilt(url, sha256))


def test_setup_for_tests_ends_well_without_an_optional_tool_and_says_in_one_line_what_is_left_out(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockfile, "load", lambda: pinned(f"{server.url}/loki", SHA))
    server.statuses["/loki"] = [503, 503]
    said = io.StringIO()
    lifecycle.prepare_optional(Progress(said))
    [line] = [line for line in said.getvalue().splitlines() if "tests" in line]
    assert f"No source has loki {versions.LOKI}: download: {server.url}/loki: HTTP 503 (1 tries)" in line
    assert "build: the lab does not build Loki, which is under the AGPL. " in line
    assert line.endswith("The tests in tests/observability that run loki are skipped.")
    assert server.requests == ["/loki"]


def test_setup_for_tests_brings_an_optional_tool_where_it_can(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockfile, "load", lambda: pinned(f"{server.url}/loki", SHA))
    server.files["/loki"] = BODY
    said = io.StringIO()
    lifecycle.prepare_optional(Progress(said))
    assert toolchain.path("loki").read_bytes() == BODY
    assert "skipped" not in said.getvalue()
    lifecycle.prepare_optional(Progress(said))
    assert server.requests == ["/loki"]
