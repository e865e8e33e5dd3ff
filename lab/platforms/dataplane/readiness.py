"""Readiness conditions of Pods, set in the API server as a kubelet does.

kwok marks a Pod as ready at once, but its process needs a second until it listens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from lab.platforms.dataplane.pods import Pod


class Readiness:
    """Client that sets the condition `Ready` of Pods.

    A process of kubectl would be too slow: istiod debounces for a tenth of a second before it updates the proxies.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        """`client` is the API server's."""
        self._client = client

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
