"""The data plane's client of the API server.

A process of kubectl would be too slow: istiod debounces for a tenth of a second before it updates the proxies.
"""

from __future__ import annotations

import base64
import re
import ssl
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.platforms.dataplane.pods import Pod

TIMEOUT = 5.0
"""Seconds for the API server to answer; a few milliseconds are usual."""

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
"""The name of an object. References in Pods are not checked by the API server, and must not lead elsewhere."""


def client(kubeconfig: Path) -> httpx.AsyncClient:
    """Prepare the connection; the kubeconfig contains its certificates."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data"))
    with tempfile.TemporaryDirectory() as folder:  # only files can be loaded
        certificate, key = Path(folder) / "certificate", Path(folder) / "key"
        certificate.write_text(_decoded(user, "client-certificate-data"))
        key.touch(0o600)
        key.write_text(_decoded(user, "client-key-data"))
        context.load_cert_chain(certificate, key)
    return httpx.AsyncClient(base_url=cluster["server"], verify=context, timeout=TIMEOUT, trust_env=False)


class Api:
    """Client of one API server."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """`client` is the connection."""
        self._client = client

    async def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Read the text entries of a ConfigMap; None when there is none.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        found = await self._get(f"/api/v1/namespaces/{namespace}/configmaps", name)
        return None if found is None else dict(found.get("data") or {})

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Read the entries of a Secret; None when there is none.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        found = await self._get(f"/api/v1/namespaces/{namespace}/secrets", name)
        if found is None:
            return None
        # As in an environment, where bytes that are no text stay what they are.
        return (
            {key: base64.b64decode(each).decode(errors="surrogateescape") for key, each in found["data"].items()}
            if found.get("data")
            else {}
        )

    async def allocatable(self, node: str) -> dict[str, str]:
        """Read what a node has for its Pods; nothing when there is no such node.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        found = await self._get("/api/v1/nodes", node)
        return {} if found is None else dict(found["status"].get("allocatable", {}))

    async def set_status(self, pod: Pod, status: Mapping[str, Any]) -> None:
        """Change parts of a Pod's status; one that has been deleted meanwhile is ignored.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        await self._client.patch(
            f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/status",
            json={"metadata": {"uid": pod.uid}, "status": status},
            headers={"Content-Type": "application/strategic-merge-patch+json"},
        )

    async def _get(self, collection: str, name: str) -> dict[str, Any] | None:
        if not _NAME.fullmatch(name):
            return None
        answer = await self._client.get(f"{collection}/{name}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        return dict(answer.raise_for_status().json())


def _decoded(part: dict[str, str], key: str) -> str:
    return base64.b64decode(part[key]).decode()
