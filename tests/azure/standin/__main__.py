"""A stand-in for Pulumi's azure-native provider: a whole Azure stack under the real engine, without Azure.

This is the plugin's process: `pulumi-resource-azure-native <the engine's address>`.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from tests.azure.standin.servicer import Servicer
from tests.azure.standin.store import Store

_AT_ONCE = 64
"""The engine has no bound of its own, and a slow creation holds a thread."""


def main() -> None:
    """Serve until the engine is gone; one that is killed does not say goodbye."""
    engine = os.getppid()
    server = grpc.server(ThreadPoolExecutor(max_workers=_AT_ONCE), options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(Store.of_environment())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        while os.getppid() == engine:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    # A process does not end before its threads, and some may wait for slow creations.
    servicer.cancel()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
