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
import zipfile
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.toolchain import build, cache, lockfile, sources
from lab.toolchain.catalog import TOOLS
from lab.toolchain.download import Downloader, Limits
from tests.unit.toolchain.support import FakeGo, Server, left_over, locked, prebuilt, program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

IMPATIENT = Limits(connect=1, read=1, tries=1, pause=0.01)
BODY = b"#!/bin/sh\necho downloaded\n"
SHA = hashlib.sha256(BODY).hexdigest()


def search(lock: lockfile.Lock, *names: str, stream: io.StringIO | None = None) -> Mapping[str, sources.Found]:
    progress = Progress(stream) if stream else Progress(quiet=True)
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


def test_a_download_may_be_pinned_by_sha512(server: Server) -> None:
    server.files["/etcd"] = BODY
    found = search(locked(etcd=prebuilt(f"{server.url}/etcd", hashlib.sha512(BODY).hexdigest())), "etcd")
    assert found["etcd"].path.read_bytes() == BODY


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


@pytest.mark.parametrize(
    ("url", "cause"),
    [("{}/wrong", "wrong checksum"), ("{}/cut", "truncated: got 9 of"), ("http://127.0.0.1:9", "no connection to")],
)
def test_a_build_follows_a_download_that_is_wrong_cut_or_out_of_reach(
    server: Server, go: FakeGo, url: str, cause: str
) -> None:
    server.files |= {"/wrong": b"evil", "/cut": BODY}
    server.cut_after["/cut"] = [9]
    said = io.StringIO()
    found = search(locked(etcd=prebuilt(url.format(server.url), SHA)), "etcd", stream=said)["etcd"]
    assert found.origin.startswith("cache (built ")
    assert f"etcd: download: {url.format(server.url)}: {cause}" in said.getvalue()
    assert (len(go.calls("build")), left_over()) == (1, [])


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
    pin = prebuilt(f"{server.url}/host", SHA, version=versions.PULUMI)
    found = search(locked(pulumi_language_python=pin), "pulumi-language-python")
    assert found["pulumi-language-python"].path.parent.name == f"{versions.PULUMI}-{SHA[:12]}"


def test_the_error_names_each_source_with_its_cause_and_a_remedy(server: Server, lab: Path) -> None:
    installed(lab, "etcd", "3.5.0")
    with pytest.raises(LabError) as failure:
        search(locked(etcd=prebuilt(f"{server.url}/gone", SHA)), "etcd", "kwok", "kwokctl")
    assert failure.value.message.splitlines() == [
        f"No source has etcd {versions.ETCD}:",
        f"  PATH: {lab}/bin/etcd is 3.5.0",
        f"  download: {server.url}/gone: HTTP 404 Not Found",
        "  build: no `go` on PATH: install Go >= 1.26.4",
        f"No source has kwok {versions.KWOK}, kwokctl {versions.KWOK}:",
        f"  download: none is pinned for {sources.catalog.platform()}",
        "  build: no `go` on PATH: install Go >= 1.26.4",
    ]
    assert "run the same command again" in failure.value.remedy


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


def test_a_full_disk_during_a_build_is_told_the_same_way(go: FakeGo) -> None:
    go.behaves(FAILS="link: write out: no space left on device")
    with pytest.raises(LabError, match="is full"):
        search(locked(), "etcd")
    assert left_over() == []


@pytest.mark.usefixtures("go")
def test_what_a_killed_run_left_is_removed() -> None:
    stale = paths.cache() / "tmp" / f"{2**31 - 1}-x" / "etcd"
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
from lab.core.progress import Progress
with Progress() as progress:
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
    go: FakeGo, number: signal.Signals
) -> None:
    go.behaves(SLEEPS="60")
    child = go.calls_file.with_name("go-calls.pid")
    process = start("etcd")
    wait_for(lambda: child.exists() and child.read_text().strip())
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert "KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)
    assert left_over() == []
    assert not (paths.cache() / "tools").exists()


def test_an_interrupted_download_leaves_nothing_and_can_be_repeated(
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
    assert server.requests == ["/etcd", "/etcd"]


def test_a_clone_whose_tools_are_cached_does_not_wait_for_another_that_builds(
    go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start("etcd").communicate(timeout=60)
    go.behaves(SLEEPS="60")
    builder = start("kwok")
    wait_for(lambda: len(go.calls("build")) > 1)
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "another clone"))
    done = start("etcd")
    said = done.communicate(timeout=30)[1]
    builder.terminate()
    builder.communicate(timeout=60)

    assert done.returncode == 0, said
    assert "waiting for process" not in said


def test_who_builds_one_group_does_not_keep_others_waiting_that_need_another(
    go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go.behaves(SLEEPS="60")
    builder = start("kwok")
    wait_for(lambda: go.calls("build"))
    go.behaves()
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "another clone"))
    done = start("rollouts-controller")
    said = done.communicate(timeout=120)[1]
    drafts = [each.name for each in (paths.cache() / "tmp").iterdir()]
    builder.terminate()
    builder.communicate(timeout=60)

    assert done.returncode == 0, said
    assert "waiting for process" not in said
    assert [name for name in drafts if f"-{builder.pid}-" in name] == drafts != []


@pytest.mark.usefixtures("lab")
def test_waiting_for_another_process_ends_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PATIENCE", 0.2)
    said = Progress(io.StringIO())
    with cache.exclusive("build-kwok", said), pytest.raises(LabError) as failure, cache.exclusive("build-kwok", said):
        pass
    assert failure.value.message.startswith(f"process {os.getpid()} has been filling the cache {paths.cache()} (build-")
    assert f"ps -f -p {os.getpid()}" in failure.value.remedy


def test_two_processes_share_one_cache_and_the_second_says_whom_it_waits_for(go: FakeGo) -> None:
    go.behaves(SLEEPS="60")
    child = go.calls_file.with_name("go-calls.pid")
    first = start("etcd")
    wait_for(lambda: child.exists() and child.read_text().strip())
    second = start("etcd")
    said = ""
    while "waiting for process" not in said:
        line = second.stderr.readline()
        assert line, said
        said += line
    for sleeping in psutil.Process(int(child.read_text())).children():
        sleeping.kill()  # the build goes on
    said += second.communicate(timeout=60)[1]
    assert first.wait(timeout=60) == 0, first.stderr.read()
    first.stderr.close()
    assert second.returncode == 0, said
    assert f"waiting for process {first.pid}, which is filling the cache {paths.cache()}" in said
    assert len(go.calls("build")) == 1


@pytest.mark.usefixtures("go")
def test_an_entry_without_its_origin_does_not_count() -> None:
    search(locked(), "etcd")
    (build.folder(TOOLS["etcd"]) / "origin.json").unlink()
    assert sources.in_cache(locked(), TOOLS["etcd"]) is None
    assert search(locked(), "etcd")["etcd"].path.exists()
    assert json.loads((build.folder(TOOLS["etcd"]) / "origin.json").read_text())["source"] == "build"
    assert cache.origin(build.folder(TOOLS["etcd"])).sha256 == cache.sha256(build.folder(TOOLS["etcd"]) / "etcd")


def test_loki_is_taken_from_its_published_archive_and_never_built(server: Server, go: FakeGo) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("loki-linux-amd64", BODY)
    lock = locked(
        loki=prebuilt(f"{server.url}/loki.zip", hashlib.sha256(buffer.getvalue()).hexdigest(), "loki-linux-amd64")
    )
    with pytest.raises(LabError) as failure:
        search(lock, "loki")
    assert failure.value.message.splitlines() == [
        f"No source has loki {versions.LOKI}:",
        f"  download: {server.url}/loki.zip: HTTP 404 Not Found",
        "  build: the lab does not build Loki, which is under the AGPL",
    ]
    assert not go.calls_file.exists()

    server.files["/loki.zip"] = buffer.getvalue()
    found = search(lock, "loki")["loki"]
    assert found.path.read_bytes() == BODY
    assert os.access(found.path, os.X_OK)
