"""The first lab of a machine with nothing in its cache, where everything can be downloaded."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import toolchain
from lab.core import paths, versions
from lab.toolchain import artifacts, catalog
from tests.engine.laboratory import PROGRAM, Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS = 120.0
"""Seconds that `make up` may take from nothing, on 2 cores, with a server that costs no time."""

_TIMEOUT = 900.0


class Publisher:
    """A local server of everything that the lab downloads, under the names of the pins, made from this cache.

    What nobody publishes as files, such as pilot-discovery, is served under a name of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: dict[str, Path] = {}
        self.requests: list[str] = []
        self.lock: dict[str, Any] = json.loads((paths.PROJECT / "lab.lock.json").read_text())
        self._publish_tools()
        self._publish_artifacts()

    def _publish_tools(self) -> None:
        archives: defaultdict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
        for name in (*toolchain.DEFAULT, *toolchain.ON_DEMAND):
            pins = self.lock["tools"][name]
            pin = pins.setdefault(catalog.platform(), {"url": f"https://nobody.example/{name}"})
            archives[pin["url"]].append((name, pin))
        for url, pinned in archives.items():
            file = self._make({pin["member"]: toolchain.path(name) for name, pin in pinned if "member" in pin})
            file = file or toolchain.path(pinned[0][0])
            with file.open("rb") as stream:
                checksum = hashlib.file_digest(stream, "sha256").hexdigest()
            for _, pin in pinned:
                pin.pop("sha512", None)
                pin["sha256"] = checksum
            self._serve(url, file)

    def _publish_artifacts(self) -> None:
        trees: defaultdict[str, dict[str, Path]] = defaultdict(dict)
        for name, pin in self.lock["artifacts"].items():
            trees[pin["archive"]][f"commit/{pin['path']}"] = artifacts.path(name)
        for url, members in trees.items():
            self._serve(url, self._make(members))

    def _make(self, members: Mapping[str, Path]) -> Path | None:
        if not members:
            return None
        archive = self._folder / f"{len(self.files)}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tarred:
            for inside, path in members.items():
                tarred.add(path.resolve(), inside)
        return archive

    def _serve(self, url: str, file: Path | None) -> None:
        assert file is not None
        self.files["/" + url.removeprefix("https://")] = file


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[tuple[Publisher, str]]:
    found = Publisher(tmp_path)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests.append(self.path)
            if self.path not in found.files:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(found.files[self.path].stat().st_size))
            self.end_headers()
            with found.files[self.path].open("rb") as stream:
                shutil.copyfileobj(stream, self.wfile, 1 << 20)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def newcomer(tmp_path: Path, publisher: tuple[Publisher, str]) -> Iterator[Laboratory]:
    """A clone with a virtualenv and nothing else: no cache, no working folder, no module proxy to build from."""
    found, address = publisher
    project = tmp_path / "project"
    project.mkdir()
    for each in PROGRAM:
        source = paths.PROJECT / each
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, project / each)
    (project / "lab.lock.json").write_text(json.dumps(found.lock, indent=2, sort_keys=True) + "\n")
    (project / ".venv").symlink_to(Path(sys.prefix))
    os.utime(project / "requirements.txt", (0, 0))  # for make, the virtualenv is up to date
    nothing = {"ISTIO_LAB_CACHE": str(tmp_path / "cache"), "ISTIO_LAB_MIRROR": address, "GOPROXY": "off"}
    lab = Laboratory(project, tmp_path, extra=nothing)
    yield lab
    lab.lab("down")
    for process in lab.processes():
        process.kill()


@pytest.mark.slow
def test_a_first_lab_stands_in_two_minutes_where_everything_can_be_downloaded(
    newcomer: Laboratory, publisher: tuple[Publisher, str]
) -> None:
    others = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    begun = time.monotonic()
    made = subprocess.run(
        [shutil.which("make") or "make", "up"],
        cwd=newcomer.project,
        env=newcomer.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    seconds = time.monotonic() - begun
    print(f"make up from nothing: {seconds:.0f} s", made.stderr, sep="\n")  # noqa: T201 - for whoever asks with -s
    assert made.returncode == 0, made.stdout + made.stderr
    assert "The lab stands (stack dev)." in made.stdout
    assert "building " not in made.stderr
    server = publisher[0]
    later = {path for path in server.files if any(name in path for name in toolchain.ON_DEMAND)}
    assert len(later) == len(toolchain.ON_DEMAND)
    asked = [path for path in server.requests if path in server.files]
    assert sorted(asked) == sorted(set(server.files) - later), "each once, and nothing that only people run"
    assert all("grafana.com" in path for path in server.requests if path not in server.files)
    assert seconds <= _SECONDS * others, (
        f"{seconds:.0f} s, while this machine had {others:.1f} times the work it can do"
    )

    first, second = (newcomer.istioctl("version", "--remote=false", "--short").succeeded().output for _ in range(2))
    assert "istioctl is used here for the first time, so it comes now, once: download (127.0.0.1)" in first
    assert versions.ISTIO in first.splitlines()[-1]
    assert second == first.splitlines(keepends=True)[-1], "the second time, it is the tool itself"
    assert [path for path in server.requests if path in later] == [path for path in later if "istioctl" in path]
