"""Readiness conditions of Pods, set in the API server as a kubelet does.

kwok marks a Pod as ready at once, but its process needs a second until it listens.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import yaml

if TYPE_CHECKING:
    from lab.platforms.dataplane.pods import Pod

_TIMEOUT = 5.0
"""Seconds for the API server to answer; a few milliseconds are usual."""


class Readiness:
    """Client that sets the condition `Ready` of Pods.

    A process of kubectl would be too slow: istiod debounces for a tenth of a second before it updates the proxies.
    """

    def __init__(self, kubeconfig: Path) -> None:
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
        self._client = httpx.AsyncClient(base_url=cluster["server"], verify=context, timeout=_TIMEOUT, trust_env=False)

    async def set(self, pod: Pod, *, ready: bool) -> None:
        """Set a Pod ready or not; one that has been deleted meanwhile is ignored.

        Raises:
            httpx.HTTPError: the API server does not answer.
        """
        status, now = str(ready), f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
        conditions = [
            {
                "type": kind,
                "status": status,
                "lastTransitionTime": now,
                "reason": None if ready else "ContainersNotReady",
            }
            for kind in ("Ready", "ContainersReady")
        ]
        await self._client.patch(
            f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/status",
            json={"metadata": {"uid": pod.uid}, "status": {"conditions": conditions}},
            headers={"Content-Type": "application/strategic-merge-patch+json"},
        )


def _decoded(part: dict[str, str], key: str) -> str:
    return base64.b64decode(part[key]).decode()
