"""A Kubernetes provider that only pretends: a program with a real gRPC server, which writes down what it is asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """#!{python} -B
import os, pathlib, sys, threading
from concurrent import futures
import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

calls = pathlib.Path({calls!r})
options = [("grpc.max_metadata_size", 2**26), ("grpc.absolute_max_metadata_size", 2**26),
           ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
told = engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1]))

class Provider(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.removeprefix("/pulumirpc.ResourceProvider/")
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(name, request, context))

    def answer(self, name, request, context):
        with calls.open("a") as file:
            file.write(name + "\\n")
        if name == "Configure":
            asked = provider_pb2.ConfigureRequest.FromString(request)
            if "broken" in asked.args:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such cluster")
            lines = calls.read_text().split().count("Configure")
            return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptOutputs=lines == 1).SerializeToString()
        if name == "Create":
            made = bytes([0, 255]) * (int(request) // 2)
            context.set_trailing_metadata((("grpc-status-details-bin", made), ("note", "kept")))
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "2 of 3 Pods, \\ub124")
        if name == "Check":
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset by the API server")
        if name == "Delete":
            os._exit(3)
        if name == "Log":
            urn, _, text = request.decode().partition(" ")
            told.Log(engine_pb2.LogRequest(urn=urn, message=text))
        return request[::-1]

server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
server.add_generic_rpc_handlers((Provider(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


class PretendedProvider:
    """The program, and what it was asked.

    Args:
        file: where the provider is looked for.
    """

    def __init__(self, file: Path) -> None:
        self._calls = file.parent / "calls"
        file.parent.mkdir(parents=True)
        self.becomes(PROGRAM.format(python=sys.executable, calls=str(self._calls)), file)

    def becomes(self, program: str, file: Path) -> None:
        """Be another program from now on."""
        file.write_text(program, encoding="utf-8")
        file.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The methods that it was called by, in order."""
        return self._calls.read_text().split() if self._calls.exists() else []
