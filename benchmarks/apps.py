"""How fast, how small and how soon the shop's applications are, beside a bare program of the same framework."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil
from rich.table import Column, Table

from lab import toolchain
from lab.cli.board import Progress
from lab.core.errors import LabError
from lab.platforms.embedded.ports import LOOPBACK, is_free
from lab.services.load import fortio
from lab.services.load.plan import Destination, Plan
from lab.services.load.report import Meter
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

_SECONDS = 5
_USERS = 10
_ORDERS = 20
"""As many as a page of `GET /orders` has."""

_PATIENCE = 20.0
"""Seconds for an application to answer."""

_BARE = """
from fastapi import FastAPI
import os, uvicorn

app = FastAPI(docs_url=None, redoc_url=None)

@app.get("/")
async def hello() -> dict[str, str]:
    return {"hello": "world"}

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of one application.

    Attributes:
        start: seconds from its start to its first answer.
        memory: megabytes after the load.
        rate: answers in a second, on one core.
    """

    start: float
    memory: float
    rate: float


def run(rounds: int, console: Console, json_file: Path) -> None:
    """Measure order, delivery and a bare program in turn; the best of the rounds counts: other work only slows.

    Args:
        rounds: how often each is measured.
        console: where the table goes.
        json_file: where every sample is written.

    Raises:
        LabError: an application does not start, or this machine has a single core.
    """
    cores = sorted(psutil.Process().cpu_affinity())
    if len(cores) < 2:  # noqa: PLR2004 - one for them, one for the load
        raise LabError("this measures on one core what another one asks for, and there is a single one here")
    with Progress() as progress:
        toolchain.ensure(toolchain.LOAD, progress=progress)
        runtime = applications.ensure(progress)
        commands = {
            "bare": ([sys.executable, "-S", "-P", "-c", _BARE], "/"),
            "order": (runtime.command("order"), "/orders"),
            "delivery": (runtime.command("delivery"), "/deliveries"),
        }
        samples: dict[str, list[Measured]] = {name: [] for name in commands}
        for number in range(rounds):
            for name, (command, path) in commands.items():
                with progress.step(f"round {number + 1} of {rounds}: {name}", usual=_SECONDS + 3):
                    samples[name].append(_measure(command, path, cores[0], cores[1]))
    json_file.write_text(json.dumps({name: [asdict(each) for each in found] for name, found in samples.items()}))
    console.print(_table(samples))


def _measure(command: Sequence[str], path: str, theirs: int, ours: int) -> Measured:
    before = os.sched_getaffinity(0)
    port = next(port for port in iter(lambda: random.randrange(20_000, 32_000), None) if is_free(port))  # noqa: S311
    variables = {"HOST": LOOPBACK, "PORT": str(port), "DELIVERY_RETRY": "0", "DELIVERY_TIMEOUT": "0.05"}
    os.sched_setaffinity(0, {theirs})  # children begin where their parent is
    try:
        begun = time.monotonic()
        with _running(command, variables) as process:
            os.sched_setaffinity(0, {ours})
            _await(port)
            start = time.monotonic() - begun
            for _ in range(_ORDERS if path == "/orders" else 0):
                _ask(port, "POST", path, '{"productId":"1001","qty":5}')
            destination = Destination(base=f"http://{LOOPBACK}:{port}", by="this machine")
            plan = Plan(app="order", namespace="shop", users=_USERS, seconds=_SECONDS, path=path)
            meter = Meter(_SECONDS, io.StringIO())
            outcome, _ = fortio.run(toolchain.path("fortio"), destination, plan, meter)
            memory = psutil.Process(process.pid).memory_info().rss / 1e6
    finally:
        os.sched_setaffinity(0, before)
    return Measured(start=start, memory=memory, rate=outcome.rate)


@contextlib.contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _await(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            _ask(port, "GET", "/")
            return
        time.sleep(0.01)
    raise LabError(f"nothing answers on port {port} after {_PATIENCE:.0f} s")


def _ask(port: int, method: str, path: str, body: str | None = None) -> None:
    with contextlib.closing(http.client.HTTPConnection(LOOPBACK, port, timeout=_PATIENCE)) as connection:
        connection.request(method, path, body, {"content-type": "application/json"})
        connection.getresponse().read()


def _table(samples: dict[str, list[Measured]]) -> Table:
    bare = max(each.rate for each in samples["bare"])
    columns = ("start, s", "memory, MB", "answers/s on one core", "of the bare program")
    table = Table("", *(Column(title, justify="right") for title in columns))
    for name, found in samples.items():
        rate = max(each.rate for each in found)
        start, memory = min(each.start for each in found), max(each.memory for each in found)
        table.add_row(name, f"{start:.2f}", f"{memory:.0f}", f"{rate:,.0f}", f"{rate / bare:.0%}")
    return table
