"""Whether a Pod is ready, told to the API server as a kubelet tells it.

kwok says at once that a Pod is ready. Its process needs a second until it listens, and nobody is to ask it before.
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

_PATIENCE = 5.0
"""Seconds for the API server to answer; a few milliseconds are usual."""


class Readiness:
    """Sets the condition `Ready` of Pods.

    Without a process such as kubectl, which would be too slow: istiod waits for a tenth of a second before it tells the
    proxies who is ready.
    """

    def __init__(self, kubeconfig: Path) -> None:
        """Prepare the connection.

        Args:
            kubeconfig: the cluster and the credentials, all inside.
        """
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data"))
        with tempfile.TemporaryDirectory() as folder:  # only files can be loaded
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            certificate.write_text(_decoded(user, "client-certificate-data"))
            key.touch(0o600)
            key.write_text(_decoded(user, "client-key-data"))
            context.load_cert_chain(certificate, key)
        self._client = httpx.AsyncClient(base_url=cluster["server"], verify=context, timeout=_PATIENCE, trust_env=False)

    async def tell(self, pod: Pod, *, ready: bool) -> None:
        """Say whether a Pod is ready; one that has gone meanwhile is none of anybody's business.

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
