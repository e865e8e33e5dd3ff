"""Free loopback ports for one embedded lab."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, fields

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
"""Below the ephemeral range of Linux and macOS: a port handed out there could be taken by any outgoing connection
while a stopped lab waits to be started again on the same ports."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one lab, all on 127.0.0.1."""

    kube_apiserver: int
    etcd: int
    etcd_peer: int
    kube_controller_manager: int
    kube_scheduler: int
    kwok_controller: int
    istiod_http: int
    istiod_webhook: int
    istiod_xds: int
    istiod_xds_tls: int
    istiod_monitoring: int

    @staticmethod
    def allocate() -> Ports:
        """Choose free ports at random, so that labs started at the same moment are unlikely to meet.

        Raises:
            OSError: no free port was found.
        """
        names = [field.name for field in fields(Ports)]
        chosen: dict[str, int] = {}
        for candidate in random.sample(range(_FIRST, _LAST), 2_000):
            if len(chosen) == len(names):
                break
            if is_free(candidate):
                chosen[names[len(chosen)]] = candidate
        if len(chosen) < len(names):
            raise OSError(f"no {len(names)} free ports between {_FIRST} and {_LAST} on {LOOPBACK}")
        return Ports(**chosen)


def injection_url(istiod_webhook: int) -> str:
    """Where the API server reaches istiod's injector. `localhost`: its certificate has no IP addresses."""
    return f"https://localhost:{istiod_webhook}/inject"


def validation_url(istiod_webhook: int) -> str:
    """Where the API server reaches istiod's validator."""
    return f"https://localhost:{istiod_webhook}/validate"


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
