"""The proxies' way to istiod, which serves nobody without a token.

An Envoy sends its configuration stream to a Unix socket of the data plane. From there it goes through TLS to istiod, so
that nobody else who listens on istiod's port of this machine gets a token or gives a configuration.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from lab.core.namespaces import ISTIO_SYSTEM
from lab.platforms.dataplane import tcp_proxy
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from lab.platforms.dataplane.tcp_proxy import Streams

_log = logging.getLogger(__name__)

SOCKET = Path("/run/istiod.sock")
"""Where the Envoys send their stream: in the data plane's own /run."""

_NAME = "localhost"
"""In istiod's certificate."""

_AUTHORITY = f"/api/v1/namespaces/{ISTIO_SYSTEM}/configmaps/istio-ca-root-cert"

_ACCOUNT = "default"
"""Of a Pod's namespace: istiod compares the namespace with what a proxy claims to be."""

_AUDIENCE = "istio-ca"
"""What istiod asks for; the API server itself takes no such token."""

_VALIDITY = 10 * 365 * 24 * 3600
"""Seconds: an Envoy sends the same token as long as it lives."""

_ATTEMPTS = 5
"""To get a token; then the Envoy starts without configuration."""

_PAUSE = 0.3
"""Seconds between two of them."""


class Discovery:
    """istiod's configuration service for the Envoys of one lab."""

    def __init__(self, client: httpx.AsyncClient, port: int) -> None:
        """`client` is the API server's; `port` is istiod's for gRPC with TLS on this machine."""
        self._client = client
        self._port = port

    async def serve(self) -> asyncio.Server:
        """Serve the Unix socket."""
        server = await asyncio.start_unix_server(tcp_proxy.proxy_to(self._open), SOCKET)
        # Who may reach it is decided by the folder, which only the data plane sees.
        await asyncio.to_thread(SOCKET.chmod, 0o666)
        return server

    async def token(self, namespace: str) -> str:
        """Return a new token for a proxy of a namespace; empty when the API server gives none."""
        url = f"/api/v1/namespaces/{namespace}/serviceaccounts/{_ACCOUNT}/token"
        spec = {"audiences": [_AUDIENCE], "expirationSeconds": _VALIDITY}
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        for _ in range(_ATTEMPTS):
            try:
                answer = (await self._client.post(url, json=wanted)).raise_for_status()
                return str(answer.json()["status"]["token"])
            except httpx.HTTPError as error:
                _log.warning("there is no token for proxies of %s: %s", namespace, error)
                await asyncio.sleep(_PAUSE)
        return ""

    async def _open(self) -> Streams:
        """Connect to istiod.

        Raises:
            OSError: it does not answer, or is somebody else.
        """
        try:
            answer = (await self._client.get(_AUTHORITY)).raise_for_status()
        except httpx.HTTPError as error:
            raise ConnectionRefusedError(f"istiod's certificate authority is unknown: {error}") from error
        # Each time, since a new istiod may have a new one.
        context = ssl.create_default_context(cadata=answer.json()["data"]["root-cert.pem"])
        context.set_alpn_protocols(["h2"])
        return await asyncio.open_connection(LOOPBACK, self._port, ssl=context, server_hostname=_NAME)
