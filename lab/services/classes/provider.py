"""One process of a provider for all students of a cluster, instead of one for each.

Pulumi attaches to a provider that runs already where `PULUMI_DEBUG_PROVIDERS` says so, but it treats it as its own: it
configures it anew, and cancels everything in it when its update has ended. So the engines do not talk to the provider
itself but to a relay in this process, which passes on what makes sense for several of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import grpc
import psutil
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2

from lab.core import paths, versions
from lab.core.errors import LabError
from lab.services.classes import memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_SERVICE = "/pulumirpc.ResourceProvider/"
_LARGE = 64 * 2**20
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # An object that was made but never became ready travels in the headers of an error.
    ("grpc.max_metadata_size", _LARGE),
    ("grpc.absolute_max_metadata_size", _LARGE),
)
_WAITING = 256
"""Calls at a time: most of them wait for a Deployment or a Pod."""

_START = 30.0
"""Seconds for the provider to say where it listens; it takes one."""

Message = Any
"""Of gRPC: bytes that are passed on, or what they are read as."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A provider that can be shared.

    Attributes:
        name: of its package, as the engine asks for it.
        command: program and arguments, before the engine's address.
        configured_once: what it is configured with must be the same for all who share it.
    """

    name: str
    command: Callable[[], list[str]]
    configured_once: bool


def _kubernetes() -> list[str]:
    folder = f"plugins/resource-kubernetes-v{versions.PULUMI_KUBERNETES}"
    program = next(paths.pulumi_home().glob(f"{folder}/pulumi-resource-*"), None)
    if program is None:
        raise LabError("the Kubernetes provider is missing", "lab setup")
    return [str(program)]


KUBERNETES = Kind(name="kubernetes", command=_kubernetes, configured_once=True)

DYNAMIC = Kind(
    name="pulumi-python",
    command=lambda: [sys.executable, "-u", "-m", "pulumi.dynamic"],
    configured_once=False,
)
"""Of the program's own resources: students have passwords of it, and it keeps nothing of anybody."""


class SharedProvider:
    """A context in which the provider runs.

    Attributes:
        port: where engines attach, on this machine.
    """

    port: int

    def __init__(self, said: Callable[[str, str], None], kind: Kind = KUBERNETES) -> None:
        """Nothing runs yet.

        Args:
            said: is told what the provider says of a resource: its URN and the text.
            kind: which provider.
        """
        self._kind = kind
        self._engine = grpc.server(futures.ThreadPoolExecutor(8), options=_OPTIONS)
        engine_pb2_grpc.add_EngineServicer_to_server(_Listener(said), self._engine)
        self._relay = grpc.server(futures.ThreadPoolExecutor(_WAITING), options=_OPTIONS)
        self._relay.add_generic_rpc_handlers((_Relay(self),))
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._channel: grpc.Channel | None = None
        self._configured: tuple[bytes, Message] | None = None
        self._engine_port = 0

    def __enter__(self) -> Self:
        self._engine_port = self._engine.add_insecure_port("127.0.0.1:0")
        self.port = self._relay.add_insecure_port("127.0.0.1:0")
        self._engine.start()
        self._relay.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._relay.stop(0).wait()
        self._engine.stop(0).wait()
        self._stop()

    @property
    def name(self) -> str:
        """Of its package, as the engine asks for it."""
        return self._kind.name

    @property
    def memory(self) -> int:
        """Bytes of the provider's process."""
        process = self._process
        try:
            return psutil.Process(process.pid).memory_info().rss if process else 0
        except psutil.Error:
            return 0

    def ensure(self) -> None:
        """Start the provider unless it runs: it may have been killed since.

        Raises:
            LabError: it does not start.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._stop()
                self._start()

    def cancel(self) -> None:
        """Let go of everything that waits, because everybody stops; another start is needed after it."""
        with self._lock:
            channel, self._configured = self._channel, None
        if channel:
            call = channel.unary_unary(
                f"{_SERVICE}Cancel", request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
            )
            try:
                call(Empty(), timeout=5)
            except grpc.RpcError:
                return

    def call(self, method: str, request: bytes, context: grpc.ServicerContext) -> Message:
        """Pass a call on.

        Args:
            method: its full name.
            request: as it came.
            context: of the engine that asks.
        """
        name = method.removeprefix(_SERVICE)
        if name in ("Cancel", "Attach"):
            # The end of one update is no reason to stop the others, and the provider has one listener already.
            return b""
        if name == "Configure" and self._kind.configured_once:
            return self._configure(request, context)
        return self._forward(method, request, context)

    def _configure(self, request: bytes, context: grpc.ServicerContext) -> Message:
        """Configure once: all engines mean the same cluster, and clients in use must not be replaced.

        One that means another is refused rather than led to the wrong cluster.
        """
        asked = provider_pb2.ConfigureRequest.FromString(request)
        key = asked.args.SerializeToString(deterministic=True)
        with self._lock:
            if self._configured is None:
                self._configured = key, self._forward(f"{_SERVICE}Configure", request, context)
            known, answer = self._configured
        if known != key:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "this provider is shared, and works on another cluster")
        return answer

    def _forward(self, method: str, request: bytes, context: grpc.ServicerContext) -> Message:
        channel = self._channel
        if channel is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the shared provider does not run")
            return b""
        try:
            return channel.unary_unary(method)(request)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                context.abort(error.code(), f"the {self._kind.name} provider ended while it was at this")
            metadata = error.trailing_metadata() or ()
            # The details of an error, such as what was made all the same, travel beside its text.
            context.set_trailing_metadata(tuple((each.key, each.value) for each in metadata))
            context.abort(error.code(), error.details() or "")

    def _start(self) -> None:
        process = subprocess.Popen(
            [*self._kind.command(), f"127.0.0.1:{self._engine_port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=paths.PROJECT,
            env={**os.environ, "PYTHONPATH": str(paths.PROJECT), "GOGC": memory.GOGC},
            start_new_session=True,
        )
        self._process = process
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.append(next(iter(process.stdout or ()), "")), daemon=True)
        reader.start()
        reader.join(_START)
        if not said or not said[0].strip().isdigit():
            self._stop()
            raise LabError(f"the {self._kind.name} provider did not say where it listens", "lab doctor")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{said[0].strip()}", options=_OPTIONS)

    def _stop(self) -> None:
        if self._channel:
            self._channel.close()
        if self._process:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
        self._channel = self._process = self._configured = None


class _Relay(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Every method of the provider, whatever it is called."""

    def __init__(self, shared: SharedProvider) -> None:
        self._shared = shared

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The handler of one method; messages are bytes, since nobody here needs to read them."""
        method = str(handler_call_details.method)

        def answer(request: bytes, context: grpc.ServicerContext) -> Message:
            return self._shared.call(method, request, context)

        return grpc.unary_unary_rpc_method_handler(answer)


class _Listener(engine_pb2_grpc.EngineServicer):
    """Whom the provider tells what it waits for; an engine of one student would not know the others' resources."""

    def __init__(self, said: Callable[[str, str], None]) -> None:
        self._said = said

    def Log(self, request: Message, context: grpc.ServicerContext) -> Empty:  # noqa: ARG002, N802 - gRPC's
        """Hand on one line."""
        self._said(str(request.urn), str(request.message))
        return Empty()
