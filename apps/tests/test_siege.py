"""`lab load` by siege itself, through an Envoy: what it counts and what the report calls it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from apps.tests import debian
from lab.core.errors import LabError
from lab.services.load import generator, siege
from lab.services.load.plan import Plan
from lab.services.load.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
ATTEMPTS = 3
"""Siege sometimes does not end by itself: its threads wait for each other."""

ANSWERS = {"/": 200, "/missing": 404, "/broken": 503}


@pytest.fixture(scope="module")
def programs() -> str:
    """The folder with siege."""
    try:
        return str(debian.unpacked("siege", ["siege"]) / "usr" / "bin")
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no siege: {error}")


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Envoy that speaks HTTP as a sidecar does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    routes = [
        {"match": {"path": path}, "direct_response": {"status": status, "body": {"inline_string": "ok"}}}
        for path, status in ANSWERS.items()
    ]
    routes.append({"match": {"path": "/moved"}, "redirect": {"path_redirect": "/missing"}})
    manager = {
        "@type": f"{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "order",
        "route_config": {"virtual_hosts": [{"name": "order", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{EXTENSIONS}.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    listener = {"name": "order", "address": address, "filter_chains": [{"filters": filters}]}
    file = tmp_path_factory.mktemp("envoy") / "envoy.yaml"
    file.write_text(yaml.safe_dump({"static_resources": {"listeners": [listener]}}))
    command = [str(Path(sys.prefix) / "bin" / "envoy"), "--config-path", str(file), "--concurrency", "1"]
    with (file.parent / "envoy.log").open("wb") as log:
        process = subprocess.Popen([*command, "--use-dynamic-base-id"], stdout=log, stderr=log)
    try:
        _wait(port, process, file.parent / "envoy.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


def besieged(address: str, programs: str, script: str = siege.SCRIPT) -> Report:
    """The report of a second of siege, by the script that runs in the Pod."""
    plan = Plan(app="order", namespace="shop", users=2, seconds=1)
    outcome = None
    for _ in range(ATTEMPTS):
        transcript = siege.Transcript()
        # Siege makes a folder in its home.
        with tempfile.TemporaryDirectory() as home, contextlib.suppress(LabError):
            generator.follow(
                ["bash", "-c", script, "siege", *siege.arguments(plan)[:-1], address],
                environment={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": home},
                take=transcript.take,
                tick=lambda: None,
                limit=20,
            )
            outcome = transcript.outcome()
        if outcome:
            break
    assert outcome, "siege printed no report"
    return Report(method="GET", url=address, by="siege", users=2, asked=1, outcome=replace(outcome, latency=None))


def test_siege_is_the_version_of_the_pod(programs: str, tmp_path: Path) -> None:
    rc = tmp_path / "siegerc"
    rc.write_text("verbose = true\n")
    command = [f"{programs}/siege", "-R", str(rc), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)})

    assert "SIEGE 4." in done.stdout + done.stderr


def test_envoy_answers_siege_as_any_other_client(programs: str, envoy: str) -> None:
    report = besieged(f"{envoy}/", programs)

    assert report.outcome.codes == {200: report.outcome.requests}
    assert report.outcome.succeeded == report.outcome.requests > 0


@pytest.mark.parametrize(
    ("path", "codes", "row"),
    [
        ("/ HTTP/1.0", {426}, "426 Upgrade Required"),
        ("/missing", {404}, "404 Not Found"),
        ("/broken", {503}, "503 Service Unavailable"),
        ("/moved", {301, 404}, "404 Not Found"),
    ],
)
def test_what_was_not_asked_for_never_looks_like_success(
    programs: str, envoy: str, path: str, codes: set[int], row: str
) -> None:
    path, _, protocol = path.partition(" ")
    script = siege.SCRIPT.replace("HTTP/1.1", protocol or "HTTP/1.1")
    report = besieged(f"{envoy}{path}", programs, script)

    assert report.outcome.codes.keys() == codes
    assert report.outcome.succeeded == report.outcome.codes.get(301, 0)
    line = next(each for each in report.lines() if each.startswith(row))
    assert line.endswith("server error" if codes == {503} else "client error")
