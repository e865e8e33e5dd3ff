"""A lab of its own for every test, a web server, and a Go that only pretends."""

from __future__ import annotations

import http.server
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.toolchain.support import FAKE_GO, FakeGo, Server, program

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and home, and a PATH with nothing of the machine's tools but a shell's."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("ISTIO_LAB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ISTIO_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ISTIO_LAB_HOME", str(tmp_path / "home"))
    usable = tmp_path / "bin"
    usable.mkdir()
    for name in ("sh", "cat", "sleep", "mkdir", "basename"):
        (usable / name).symlink_to(next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists()))
    monkeypatch.setenv("PATH", str(usable))
    return tmp_path


@pytest.fixture
def go(lab: Path) -> FakeGo:
    found = FakeGo(program(lab / "bin" / "go", FAKE_GO), lab / "go-calls")
    found.behaves()
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hangs up is what some tests are about

    httpd = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    if state.stall:
        state.stall.set()
    httpd.shutdown()
    httpd.server_close()
