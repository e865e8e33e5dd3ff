"""Questions to the servers of an embedded lab: one that has a pid and a port may still never answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters import web
from lab.core.wait import poll

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT = 5.0
"""Seconds for one answer; milliseconds are usual, seconds on a machine with too much to do."""

_PATIENCE = 10.0
"""Seconds within which a server that was just started listens."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Files of a connection by TLS: the authority to trust, and a certificate to show with its key."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Server:
    """The health endpoint of a server on this machine; `tls` for one with `https`."""

    url: str
    tls: Tls | None = None

    def answers(self) -> bool:
        """Ask it once."""
        if self.tls is None:
            return web.answers(self.url, timeout=_TIMEOUT)
        login = (self.tls.certificate, self.tls.key)
        return web.answers(self.url, authority=self.tls.authority, login=login, timeout=_TIMEOUT)

    def patiently(self) -> bool:
        """Ask it until it answers, or until its time is up."""
        return poll(self.answers, timeout=_PATIENCE)
