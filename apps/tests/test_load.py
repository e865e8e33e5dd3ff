"""`lab load` where Pods are simulated: the real generator against the real applications, on this machine."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from lab import toolchain
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.services.load import fortio, shop
from lab.services.load.plan import Plan
from lab.services.load.report import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.services.load.plan import Destination
    from lab.services.load.report import Outcome

QUIET = {"order": {"ORDER_LOG_LEVEL": "WARNING"}, "delivery": {"DELIVERY_LOG_LEVEL": "WARNING"}}

LOADING = """
import io, pathlib, signal, sys
from lab import toolchain
from lab.core import paths
from lab.services.load import fortio, shop
from lab.services.load.plan import Plan
from lab.services.load.report import Meter
from lab.core.progress import Progress
from lab.core.signals import termination_as_interrupt

paths.temporary_dir = lambda: pathlib.Path(sys.argv[1])
# A shell without job control has what it starts in the background ignore Ctrl-C, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Telling(Meter):
    def set(self, **counts):
        print("under way", flush=True)

plan = Plan(app="order", namespace="shop", users=2, seconds=120)
with termination_as_interrupt(), shop.on_loopback("order", {}, Progress(quiet=True)) as there:
    outcome, interrupted = fortio.run(toolchain.path("fortio"), there, plan, Telling(120, io.StringIO()))
    print("interrupted" if interrupted else "ended", outcome.answered, flush=True)
"""
"""A load that has to be ended."""


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return toolchain.path("fortio")
    except LabError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the load generator is not there: {error}")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files; no process and no file outlives a test, unless nobody is left to sweep."""
    folder = tmp_path / "temporary"
    monkeypatch.setattr(paths, "temporary_dir", lambda: folder)
    yield folder
    assert psutil.Process().children(recursive=True) == []


def loaded(program: Path, there: Destination, *, seconds: int, post: bool = False) -> Outcome:
    plan = Plan(app="order", namespace="shop", users=5, seconds=seconds, path="" if post else "/orders", post=post)
    outcome, interrupted = fortio.run(program, there, plan, Meter(seconds, io.StringIO()))
    assert not interrupted
    return outcome


def get(there: Destination, path: str) -> object:
    connection = http.client.HTTPConnection(there.base.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()


def test_three_seconds_of_users_are_all_answered(program: Path, temporary: Path) -> None:
    with shop.on_loopback("order", QUIET, Progress(quiet=True)) as there:
        outcome = loaded(program, there, seconds=3)

    assert outcome.codes == {200: outcome.requests}
    assert outcome.requests > 300
    assert outcome.versions == {"v1": outcome.requests}
    assert outcome.unanswered == 0
    assert 2.9 < outcome.seconds < 6
    assert list(temporary.iterdir()) == []
    assert outcome.latency
    assert 0 < outcome.latency.p50 <= outcome.latency.p90 <= outcome.latency.p99 <= outcome.latency.max < 3


def test_every_order_that_was_answered_is_stored_once(program: Path) -> None:
    with shop.on_loopback("order", QUIET, Progress(quiet=True)) as there:
        outcome = loaded(program, there, seconds=2, post=True)
        stored = outcome.codes[201]
        assert outcome.codes == {201: outcome.requests}
        assert get(there, f"/orders?limit=2&offset={stored - 1}") != []
        assert get(there, f"/orders?limit=2&offset={stored}") == []


def test_a_failing_variant_shows_in_the_report(program: Path) -> None:
    settings = {**QUIET, "order": {**QUIET["order"], "VARIANT": "failing", "APP_VERSION": "v2"}}
    with shop.on_loopback("order", settings, Progress(quiet=True)) as there:
        outcome = loaded(program, there, seconds=2)

    assert outcome.codes.keys() == {200, 503}
    assert 0.2 < outcome.codes[503] / outcome.requests < 0.4
    assert outcome.versions.keys() == {"v2"}


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_load_that_is_ended_early_leaves_no_process(way: signal.Signals, temporary: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOADING, str(temporary)], stdout=subprocess.PIPE, text=True, cwd=paths.PROJECT
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "under way\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert {"order", "delivery"} <= {word for one in family for word in one.cmdline()}
        process.send_signal(way)
        said = process.stdout.read().splitlines()
        begun = time.monotonic()
        process.wait(30)
    _, alive = psutil.wait_procs(family, timeout=15)

    assert alive == []
    assert time.monotonic() - begun < 20
    if way != signal.SIGKILL:
        assert said[-1].startswith("interrupted ")
        assert list(temporary.iterdir()) == []
