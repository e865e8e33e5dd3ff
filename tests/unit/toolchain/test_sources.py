"""Which source a tool comes from, and what happens when one fails, is interrupted, or the disk is full."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lab import paths, toolchain, versions
from lab.errors import LabError
from lab.progress import Progress
from lab.toolchain import build, cache, lockfile, sources, stamp
from lab.toolchain.catalog import DEFAULT, TOOLS
from lab.toolchain.download import Downloader, Limits
from tests.unit.toolchain.support import FakeGo, Server, left_over, locked, prebuilt, program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

IMPATIENT = Limits(connect=1, read=0.3, tries=1, pause=0.01)
BODY = b"#!/bin/sh\necho downloaded\n"
SHA = hashlib.sha256(BODY).hexdigest()


def search(lock: lockfile.Lock, *names: str, stream: io.StringIO | None = None) -> Mapping[str, sources.Found]:
    progress = Progress(stream, live=False) if stream else Progress(quiet=True)
    return sources.Search(lock, progress, IMPATIENT).run([TOOLS[name] for name in names])


def installed(folder: Path, name: str, version: str) -> Path:
    return program(folder / "bin" / name, f"#!/bin/sh\necho v{version}\n")


def test_a_download_is_preferred_to_a_build(server: Server, go: FakeGo) -> None:
    server.files["/etcd"] = BODY
    found = search(locked(etcd=prebuilt(f"{server.url}/etcd", SHA)), "etcd")
    assert found["etcd"].path.read_bytes() == BODY
    assert found["etcd"].origin.startswith("cache (downloaded ")
    assert os.access(found["etcd"].path, os.X_OK)
    assert go.calls("build") == []


def test_path_at_the_pinned_version_is_preferred_to_a_download(server: Server, lab: Path) -> None:
    tool = installed(lab, "etcd", versions.ETCD)
    found = search(locked(etcd=prebuilt(f"{server.url}/etcd", SHA)), "etcd")
    assert found["etcd"] == sources.Found(tool, f"PATH ({tool})")
    assert server.requests == []


@pytest.mark.usefixtures("go")
def test_the_cache_is_preferred_to_path(lab: Path) -> None:
    first = search(locked(), "etcd")["etcd"]
    installed(lab, "etcd", versions.ETCD)
    assert search(locked(), "etcd")["etcd"] == first


@pytest.mark.usefixtures("go")
def test_another_version_on_path_is_named_and_not_used(lab: Path) -> None:
    installed(lab, "etcd", "3.5.0")
    said = io.StringIO()
    assert search(locked(), "etcd", stream=said)["etcd"].origin.startswith("cache (built ")
    assert f"etcd: PATH: {lab}/bin/etcd is 3.5.0" in said.getvalue()


@pytest.mark.usefixtures("lab")
def test_the_labs_own_links_do_not_count_as_path(monkeypatch: pytest.MonkeyPatch) -> None:
    program(paths.bin_dir() / "etcd", f"#!/bin/sh\necho {versions.ETCD}\n")
    monkeypatch.setenv("PATH", f"{paths.bin_dir()}:{os.environ['PATH']}")
    with pytest.raises(LabError, match="No source has etcd"):
        search(locked(), "etcd")


@pytest.mark.usefixtures("go")
def test_a_tool_that_cannot_be_asked_is_not_taken_from_path(lab: Path) -> None:
    installed(lab, "pulumi-language-python", versions.PULUMI_LANGUAGE_PYTHON)
    assert search(locked(), "pulumi-language-python")["pulumi-language-python"].origin.startswith("cache (built ")


@pytest.mark.usefixtures("go")
def test_a_failed_download_is_told_in_one_line_and_the_build_is_next(server: Server) -> None:
    said = io.StringIO()
    lock = locked(etcd=prebuilt(f"{server.url}/gone", SHA))
    assert search(lock, "etcd", stream=said)["etcd"].origin.startswith("cache (built ")
    assert f"etcd: download: {server.url}/gone: HTTP 404 Not Found\n" in said.getvalue()


def test_an_archive_that_holds_several_tools_is_downloaded_once(server: Server) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("kwok", "kwokctl"):
            info = tarfile.TarInfo(f"dist/{name}")
            info.size = len(BODY)
            tar.addfile(info, io.BytesIO(BODY))
    server.files["/kwok.tgz"] = buffer.getvalue()
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    pins = {name: prebuilt(f"{server.url}/kwok.tgz", sha256, f"dist/{name}") for name in ("kwok", "kwokctl")}
    found = search(locked(**pins), "kwok", "kwokctl")
    assert [found[name].path.read_bytes() for name in pins] == [BODY, BODY]
    assert len(server.requests) == 1
    assert list((paths.cache() / "downloads").iterdir()) == []


def test_a_prebuilt_language_host_is_kept_under_its_own_version(server: Server) -> None:
    server.files["/host"] = BODY
    found = search(locked(pulumi_language_python=prebuilt(f"{server.url}/host", SHA)), "pulumi-language-python")
    assert found["pulumi-language-python"].path.parent.name == f"{versions.PULUMI}-{SHA[:12]}"


def test_the_error_names_each_source_with_its_cause_and_a_remedy(server: Server, lab: Path) -> None:
    installed(lab, "etcd", "3.5.0")
    with pytest.raises(LabError) as failure:
        search(locked(etcd=prebuilt(f"{server.url}/gone", SHA)), "etcd", "kwok", "kwokctl")
    assert failure.value.message.splitlines() == [
        f"No source has etcd {versions.ETCD}:",
        f"  PATH: {lab}/bin/etcd is 3.5.0",
        f"  download: {server.url}/gone: HTTP 404 Not Found",
        "  build: no `go` on PATH to build it with: install Go >= 1.26.0",
        f"No source has kwok {versions.KWOK}, kwokctl {versions.KWOK}:",
        f"  download: none is pinned for {sources.catalog.platform()}",
        "  build: no `go` on PATH to build it with: install Go >= 1.26.0",
    ]
    assert "lab setup" in failure.value.remedy


def test_what_was_found_is_kept_when_another_tool_fails(server: Server) -> None:
    server.files["/etcd"] = BODY
    lock = locked(etcd=prebuilt(f"{server.url}/etcd", SHA))
    with pytest.raises(LabError, match=r"^No source has kwok"):
        search(lock, "etcd", "kwok")
    assert sources.in_cache(lock, TOOLS["etcd"])


def test_a_full_disk_is_told_with_the_folder_and_what_is_free(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    server.files["/etcd"] = BODY
    monkeypatch.setattr(Downloader, "_stream", full)
    with pytest.raises(LabError, match=rf"disk of the cache {paths.cache()} is full: \d+ MB are free") as failure:
        search(locked(etcd=prebuilt(f"{server.url}/etcd", SHA)), "etcd")
    assert "ISTIO_LAB_CACHE" in failure.value.remedy
    assert left_over() == []


@pytest.mark.usefixtures("go")
def test_a_full_disk_during_a_build_is_told_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAILS", "link: write out: no space left on device")
    with pytest.raises(LabError, match="is full"):
        search(locked(), "etcd")
    assert left_over() == []


@pytest.mark.usefixtures("go")
def test_what_a_killed_run_left_is_removed() -> None:
    stale = paths.cache() / "tmp" / "99999-x" / "etcd"
    program(stale, "half")
    search(locked(), "etcd")
    assert left_over() == []


def test_a_changed_pin_is_not_served_from_the_old_entry(server: Server) -> None:
    for body in (BODY, BODY * 2):
        server.files["/etcd"] = body
        found = search(locked(etcd=prebuilt(f"{server.url}/etcd", hashlib.sha256(body).hexdigest())), "etcd")
        assert found["etcd"].path.read_bytes() == body


ENSURE = """
import sys
from lab import toolchain
from lab.progress import Progress
with Progress(live=False) as progress:
    toolchain.ensure(sys.argv[1:], progress=progress)
"""


def start(*names: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, *names], cwd=paths.PROJECT, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("did not happen in 10 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_its_children_and_leaves_nothing_half_written(
    go: FakeGo, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("FAKE_GO_SLEEPS", "60")
    child = go.calls_file.with_name("go-calls.pid")
    process = start("etcd")
    wait_for(lambda: child.exists() and child.read_text().strip())
    process.send_signal(number)
    said = process.communicate(timeout=10)[1]
    assert "KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
    assert left_over() == []
    assert not (paths.cache() / "tools").exists()


def test_an_interrupted_download_leaves_only_what_the_next_one_continues(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/etcd"] = BODY
    server.stall = threading.Event()

    def interrupt(self: Downloader, *arguments: object) -> None:
        timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        original(self, *arguments)

    original = Downloader._stream  # noqa: SLF001 - where bytes flow is where Ctrl-C must hit
    monkeypatch.setattr(Downloader, "_stream", interrupt)
    lock = locked(etcd=prebuilt(f"{server.url}/etcd", SHA))
    with pytest.raises(KeyboardInterrupt):
        search(lock, "etcd")
    assert not (paths.cache() / "tools").exists()
    assert left_over() == []
    server.stall = None
    monkeypatch.setattr(Downloader, "_stream", original)
    assert search(lock, "etcd")["etcd"].path.read_bytes() == BODY
    assert server.requests[-1] == ("/etcd", f"bytes={len(BODY) // 2}-")


def test_two_processes_share_one_cache_and_the_second_says_whom_it_waits_for(
    go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_SLEEPS", "0.8")
    first = start("etcd")
    wait_for(lambda: go.calls("build"))
    second = start("etcd")
    said = second.communicate(timeout=10)[1]
    assert first.wait(timeout=10) == 0, first.stderr.read()
    first.stderr.close()
    assert second.returncode == 0, said
    assert f"waiting for process {first.pid}, which is filling the cache {paths.cache()}" in said
    assert len(go.calls("build")) == 1


def test_everything_is_built_with_one_call_a_group_and_put_where_it_is_looked_for(go: FakeGo) -> None:
    toolchain.ensure()
    assert len(go.calls("build")) == 7
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
def test_the_built_language_host_is_called_with_the_projects_venv(tmp_path: Path) -> None:
    toolchain.ensure(["pulumi-language-python"])
    command = paths.bin_dir() / "pulumi-language-python"
    said = subprocess.run([command, "a b", "1:2"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == f"built -virtualenv .venv -root {tmp_path} a b 1:2\n"


def test_a_prebuilt_language_host_is_called_as_it_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/host"] = BODY
    lock = locked(pulumi_language_python=prebuilt(f"{server.url}/host", SHA))
    monkeypatch.setattr(lockfile, "load", lambda: lock)
    toolchain.ensure(["pulumi-language-python"])
    assert (paths.bin_dir() / "pulumi-language-python").resolve() == toolchain.path("pulumi-language-python")


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
    toolchain.ensure(["etcd", "kwok"])
    toolchain.path("etcd").unlink()
    toolchain.path("kwok").write_text("")
    with pytest.raises(LabError, match="etcd is not there"):
        toolchain.path("etcd")
    toolchain.ensure(["etcd"])
    assert len(go.calls("build")) == 3
    assert toolchain.path("etcd").exists()


def test_a_damaged_stamp_is_as_good_as_none(go: FakeGo) -> None:
    toolchain.ensure(["etcd"])
    (paths.home() / "toolchain.json").write_text('{"inputs": 7}')
    toolchain.ensure(["etcd"])
    assert toolchain.path("etcd").exists()
    assert len(go.calls("build")) == 1


@pytest.mark.usefixtures("go")
def test_changed_pins_make_the_stamp_worthless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain.ensure(["etcd"])
    other = tmp_path / "lab.lock.json"
    other.write_text(stamp.LOCK_FILE.read_text() + "\n")
    monkeypatch.setattr(stamp, "LOCK_FILE", other)
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


@pytest.mark.usefixtures("go")
def test_an_entry_without_its_origin_does_not_count() -> None:
    search(locked(), "etcd")
    (build.folder(TOOLS["etcd"]) / "origin.json").unlink()
    assert sources.in_cache(locked(), TOOLS["etcd"]) is None
    assert search(locked(), "etcd")["etcd"].path.exists()
    assert json.loads((build.folder(TOOLS["etcd"]) / "origin.json").read_text())["source"] == "build"
    assert cache.origin(build.folder(TOOLS["etcd"])).sha256 == cache.sha256(build.folder(TOOLS["etcd"]) / "etcd")
