"""Free loopback ports for one embedded lab."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.core.wait import poll

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
"""Below the ephemeral range of Linux and macOS: a port handed out there could be taken by any outgoing connection
while a stopped lab waits to be started again on the same ports."""

_TIMEOUT = 5.0
"""Seconds within which the kernel has closed the sockets of a killed process."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports of one lab, all on 127.0.0.1.

    A port that came later has a default, 0: it is missing in the state of a lab from before, which is still to be
    healed and taken down. `of` passes over ports of such a lab that are not needed any more.
    """

    kube_apiserver: int
    etcd: int
    etcd_peer: int
    kwok_controller: int
    istiod_http: int
    istiod_webhook: int
    istiod_xds: int
    metrics_server: int = 0
    ingress_http: int = 0
    prometheus: int = 0

    @property
    def control_plane(self) -> tuple[int, ...]:
        """Those of etcd and of all that Kubernetes itself consists of."""
        return self.kube_apiserver, self.etcd, self.etcd_peer, self.kwok_controller, self.metrics_server

    @staticmethod
    def of(known: Mapping[str, int]) -> Ports:
        """Read the ports of a lab's state."""
        return Ports(**_needed(known))

    @staticmethod
    def allocate(known: Mapping[str, int] | None = None) -> Ports:
        """Choose free ports at random, so that labs started at the same moment rarely collide; `known` ones are kept.

        Raises:
            OSError: no free port was found.
        """
        chosen = _needed(known or {})
        missing = [field.name for field in fields(Ports) if field.name not in chosen]
        found: list[int] = []
        for candidate in random.sample(range(_FIRST, _LAST), 2_000):
            if len(found) == len(missing):
                break
            if candidate not in chosen.values() and is_free(candidate):
                found.append(candidate)
        if len(found) < len(missing):
            raise OSError(f"no {len(missing)} free ports between {_FIRST} and {_LAST} on {LOOPBACK}")
        return Ports(**chosen, **dict(zip(missing, found, strict=True)))


def _needed(known: Mapping[str, int]) -> dict[str, int]:
    names = {field.name for field in fields(Ports)}
    return {name: port for name, port in known.items() if name in names}


def injection_url(istiod_webhook: int) -> str:
    """Return the URL of istiod's injector. `localhost`: its certificate has no IP addresses."""
    return f"https://localhost:{istiod_webhook}/inject"


def validation_url(istiod_webhook: int) -> str:
    """Return the URL of istiod's validator."""
    return f"https://localhost:{istiod_webhook}/validate"


def is_free(port: int) -> bool:
    """Check that a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(owner: str, *ports: int) -> None:
    """Wait for the ports of somebody who was stopped just now.

    Args:
        owner: whose ports they are, to be told.
        ports: of which 0 is none.

    Raises:
        LabError: another program holds one.
    """
    if not poll(lambda: all(map(is_free, ports)), timeout=_TIMEOUT, interval=0.05):
        taken = next((port for port in ports if not is_free(port)), ports[0])
        raise LabError(
            f"port {taken} on {LOOPBACK}, which is for {owner}, is taken by another program",
            "end that program, or take new ports with: make down && make up",
        )
