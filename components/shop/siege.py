"""The course's load generator: a Pod for `kubectl exec` and `lab load`."""

from __future__ import annotations

from typing import Any

NAME = "siege"
"""Of the Pod and its container, as in the handout."""


def pod(image: str) -> dict[str, Any]:
    """Return the Pod's spec; the third-party image needs its own user and a writable file system."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": NAME,
                "image": image,
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False},
            }
        ],
    }
