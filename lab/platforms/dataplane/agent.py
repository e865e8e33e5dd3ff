"""The kubelet of the Pods that really run: it follows the cluster and starts, restarts and ends their processes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.core import paths
from lab.platforms.dataplane import (
    api,
    confinement,
    logs,
    pods,
    prometheus,
    sandbox,
    supervisor,
    tcp_proxy,
    watch,
    worker,
    workloads,
)
from lab.platforms.dataplane.api import Api
from lab.platforms.dataplane.discovery import Discovery
from lab.platforms.dataplane.sandbox import Sandbox
from lab.platforms.dataplane.telemetry import Telemetry
from lab.platforms.dataplane.worker import Node, Worker
from lab.platforms.embedded import login
from lab.platforms.embedded.ports import LOOPBACK
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.platforms.dataplane.pods import Pod
    from lab.platforms.dataplane.workloads import Workload

_log = logging.getLogger(__name__)

_INGRESS_PORT = 8080
"""The target port of the ingress gateway's Service for plain HTTP."""

_INTERVAL = 1.0
"""Seconds between two checks of the lab's folder."""

_LOG_INTERVAL = 0.5
"""Seconds between two looks at the logs."""

_TOGETHER = 3.0
"""Seconds for which Pods that came together wait for the networks of the others."""

_MOST_PODS = 100
"""Pods that really run at once: each takes memory of this machine."""


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


@dataclass(frozen=True, kw_only=True)
class Running:
    """A Pod that really runs, or drains its connections: `force` ends that at once, and `task` ends with the Pod."""

    worker: Worker
    task: asyncio.Task[None]
    force: asyncio.Event


class Agent:
    """Reconciles the processes of this machine with the Pods of the cluster."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._running: dict[str, Running] = {}
        self._terminating: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._indices = itertools.count()
        self._services: dict[str, tuple[str, str]] = {}
        self._ingress = tcp_proxy.NetnsDialer()
        self._pods: dict[str, Pod] = {}
        self._telemetry = Telemetry(self._pods.get)
        self._client = api.client(options.kubeconfig)
        self._discovery = Discovery(self._client, options.istiod_xds)

    async def run(self) -> None:
        """Follow the cluster until this task is cancelled."""
        sandbox.create_node()
        async with (
            await self._discovery.serve(),
            await tcp_proxy.serve_port(LOOPBACK, self._options.ingress_http, self._ingress),
            asyncio.TaskGroup() as group,
        ):
            node = self._node(await asyncio.to_thread(self._prepare))
            self._mark.touch()
            group.create_task(end_with(self._mark))
            group.create_task(self._follow_services())
            group.create_task(self._follow_pods(node))
            group.create_task(self._follow_logs())
            if port := self._options.prometheus:
                group.create_task(self._serve_metrics(port, node.first))

    async def _serve_metrics(self, port: int, turns: asyncio.Semaphore) -> None:
        """Keep Prometheus running in the node's network, and lead a port of this machine to it."""
        prometheus.serve_counts(sandbox.NODE, self._telemetry.registry)
        dialer = tcp_proxy.NetnsDialer()
        dialer.set_target(sandbox.NODE, LOOPBACK, prometheus.PORT)
        password = login.password(self._options.kubeconfig.parent)
        program = prometheus.program(sandbox.NODE, log=self._options.logs / "prometheus.log")
        async with await tcp_proxy.serve_with_password(LOOPBACK, port, dialer, user=login.USER, password=password):
            await supervisor.keep(program, turns)

    @property
    def _mark(self) -> Path:
        """The file that marks the agent as ready; the agent ends when it is deleted."""
        return self._options.logs / "ready"

    def _prepare(self) -> confinement.Confinement:
        """Find out how processes can be confined here, and say what cannot be had."""
        secret = [Path.home(), paths.home(), paths.cache(), paths.PROJECT, self._options.kubeconfig.parent]
        found, said = confinement.prepare(applications.interpreter(), worker.needs(self._options.runtime), secret)
        for each in said:
            _log.warning("%s", each)
        return found

    def _node(self, found: confinement.Confinement) -> Node:
        return Node(
            api=Api(self._client),
            discovery=self._discovery,
            runtime=self._options.runtime,
            confinement=found,
            logs=self._options.logs,
            # All at once, the processes of a whole lab would start so slowly that the first were as late as the last.
            first=asyncio.Semaphore(os.cpu_count() or 1),
            again=asyncio.Semaphore(1),
            route=lambda box: self._ingress.set_target(box.network, box.address, _INGRESS_PORT),
        )

    async def _follow_pods(self, node: Node) -> None:
        first = True
        async for changes in watch.changes(self._client, "/api/v1/pods"):
            starting = [each for change in changes if (each := self._notice(*change, node=node))]
            # Pods that were ready before this process started stay ready.
            waiting = [each for each, workload in starting if workload.port and not (first and each.pod.ready)]
            first = False
            await asyncio.gather(*(each.set_unready() for each in waiting))
            if starting:
                # In a task, so that the watch sees the next Pod at once and marks it as not ready.
                self._keep(asyncio.create_task(self._begin(starting)))

    def _notice(self, kind: str, found: dict[str, Any], *, node: Node) -> tuple[Worker, Workload] | None:
        """Take notice of a change; return a Pod that is to be started."""
        uid = found["metadata"]["uid"]
        try:
            pod = pods.running(found) if kind != "DELETED" else None
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            _log.warning("the Pod %s is not understood: %r", found["metadata"].get("name"), error)
            pod = None
        if pod is None:
            self._remove(uid)
            return None
        self._pods[pod.address] = pod
        if uid in self._running or not (workload := workloads.of(pod)):
            return None
        if len(self._running) >= _MOST_PODS:
            _log.warning("%s stays simulated: %d Pods really run, and no more can", pod.key, _MOST_PODS)
            return None
        name = sandbox.name_of(pod.name, pod.namespace)
        made = Worker(pod, workload, Sandbox(name=name, index=next(self._indices), address=pod.address), node)
        # The cluster reuses addresses and names at once, before the last owner has drained.
        formers = [each for each in self._terminating.values() if _same_place(each.worker.pod, pod)]
        for each in formers:
            each.force.set()
        task = asyncio.create_task(made.run([each.task for each in formers]))
        self._running[uid] = Running(worker=made, task=task, force=asyncio.Event())
        return made, workload

    async def _begin(self, starting: Sequence[tuple[Worker, Workload]]) -> None:
        """Let the processes of new Pods start."""
        # A connection to an address that does not exist yet would wait for seconds, so first come all sandboxes; then
        # the Pods in the order in which the exercises need them.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TOGETHER):
                await asyncio.gather(*(each.created.wait() for each, _ in starting))
        for each, _ in sorted(starting, key=lambda one: one[1].namespaces.index(one[0].pod.namespace)):
            each.go.set()
            await asyncio.sleep(0)

    async def _follow_logs(self) -> None:
        """Count the requests in the proxies' access logs, and keep all logs short."""
        while True:
            for running in [*self._running.values(), *self._terminating.values()]:
                try:
                    self._read_logs(running.worker)
                except Exception as error:  # noqa: BLE001 - one Pod's log must not end the others
                    _log.warning("the logs of %s: %r", running.worker.pod.key, error)
            await asyncio.sleep(_LOG_INTERVAL)

    def _read_logs(self, each: Worker) -> None:
        if self._options.prometheus and each.access_log:
            for line in each.access_log.lines():
                self._telemetry.count(each.pod, line)
        for log in each.logs:
            logs.bound(log)

    async def _follow_services(self) -> None:
        async for changes in watch.changes(self._client, "/api/v1/services"):
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
            try:
                sandbox.hosts_file(namespace).write_text(sandbox.hosts(self._services.values(), namespace))
            except OSError as error:
                _log.warning("the names of the Services in %s: %s", namespace, error)

    def _remove(self, uid: str) -> None:
        if running := self._running.pop(uid, None):
            self._terminating[uid] = running
            self._keep(asyncio.create_task(self._end(uid, running)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task that nobody waits for, until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, uid: str, running: Running) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.force.wait(), running.worker.pod.drain)
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)
        self._terminating.pop(uid, None)


def _same_place(one: Pod, other: Pod) -> bool:
    return one.address == other.address or one.key == other.key


async def end_with(mark: Path) -> None:
    """End this process when a file of the lab's folder is deleted: nobody could find the agent any more.

    At once, since an orderly end would wait for processes that no longer answer: the kernel ends all of them with the
    first process of their namespace.
    """
    # Nothing tells of a deleted file, and the check takes no time.
    while mark.exists():  # noqa: ASYNC240
        # Its time tells others that this process works; one that hangs has a pid, too.
        with contextlib.suppress(OSError):
            os.utime(mark)
        await asyncio.sleep(_INTERVAL)
    _log.warning("the folder of this lab is gone")
    os._exit(0)
