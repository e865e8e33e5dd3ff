"""istiod beside a control plane, as far as it can be seen without one."""

from __future__ import annotations

import http.server
import os
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.platforms.embedded import ports
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.istiod import Istiod
from lab.platforms.embedded.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psutil


class _Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ready() -> Iterator[int]:
    """The port of somebody who says that istiod is ready."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Ready) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def lab(tmp_path: Path, ready: int) -> Istiod:
    """An istiod that is none yet, on a port where somebody says that it is ready."""
    ports = replace(Ports.allocate(), istiod_http=ready)
    return Istiod(control_plane=ControlPlane(directory=tmp_path, ports=ports))


@pytest.fixture
def process(lab: Istiod, spawn: Callable[..., psutil.Process]) -> psutil.Process:
    """Something that looks like this lab's istiod."""
    return looks_like(lab, spawn, *lab.arguments)


def looks_like(lab: Istiod, spawn: Callable[..., psutil.Process], *arguments: str) -> psutil.Process:
    child = spawn("/bin/sh", "-c", "echo ready; while :; do sleep 0.05; done", *arguments)
    pid_file = lab.control_plane.directory / "istiod" / "istiod.pid"
    pid_file.parent.mkdir()
    pid_file.write_text(str(child.pid))
    return child


def test_the_webhooks_are_called_by_the_name_in_the_certificate() -> None:
    assert ports.injection_url(1234) == "https://localhost:1234/inject"
    assert ports.validation_url(1234) == "https://localhost:1234/validate"


def test_without_a_process_it_is_dead_even_if_somebody_answers_on_its_port(lab: Istiod) -> None:
    assert lab.health() == "dead"


def test_a_process_that_does_not_answer_is_not_ready(lab: Istiod, spawn: Callable[..., psutil.Process]) -> None:
    silent = Istiod(control_plane=replace(lab.control_plane, ports=Ports.allocate()))
    looks_like(silent, spawn, *silent.arguments)

    assert silent.health() == "not ready"


@pytest.mark.usefixtures("process")
def test_a_process_that_answers_runs(lab: Istiod) -> None:
    assert lab.health() == "running"


def test_one_that_an_earlier_version_has_started_with_an_open_door_is_to_be_started_again(
    lab: Istiod, spawn: Callable[..., psutil.Process]
) -> None:
    closed = [each for each in lab.arguments if not each.startswith("--ctrlz")]
    looks_like(lab, spawn, *closed, "--ctrlz_port=0")

    assert (lab.health(), lab.healthy) == ("outdated", False)


def test_nobody_can_ask_it_for_its_environment_its_profile_or_a_configuration(lab: Istiod) -> None:
    given = dict(each.split("=", 1) for each in lab.arguments if "=" in each)

    assert given["--profile"] == "false"
    assert given["--grpcAddr"] == ""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(given["--ctrlz_address"], 0)


@pytest.mark.usefixtures("process")
def test_a_proxy_of_the_users_is_not_asked_about_this_machine(lab: Istiod, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() == "no_proxy":
            monkeypatch.delenv(name)
    monkeypatch.setattr("urllib.request._opener", None)  # the first use of it reads the environment
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert lab.health() == "running"


def test_stopping_ends_the_process_and_forgets_its_pid(lab: Istiod, process: psutil.Process) -> None:
    lab.stop()

    assert process.wait(1) != 0
    assert lab.health() == "dead"
    assert not (lab.control_plane.directory / "istiod" / "istiod.pid").exists()


def test_stopping_what_does_not_run_is_no_trouble(lab: Istiod) -> None:
    lab.stop()


def test_a_frozen_one_is_noticed_though_its_port_answers(
    lab: Istiod, process: psutil.Process, eventually: Callable[..., bool]
) -> None:
    assert lab.healthy
    process.suspend()
    assert eventually(lambda: lab.health() == "frozen")
    assert not lab.healthy
