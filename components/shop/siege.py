"""The course's load generator: a Pod to be entered, or to be told what to do with `lab load`."""

from __future__ import annotations

from typing import Any

NAME = "siege"
"""Of the Pod and of its container, as in the notes."""


def pod(image: str) -> dict[str, Any]:
    """The Pod's spec; the image is somebody else's, so it keeps its own user and may write."""
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
