"""The API server's caches of custom resources whose CRDs are new.

It begins to fill one at the first request for the resource. Until it has, it refuses whoever wants to watch, and asks
for a second of patience.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path


def fill(kubeconfig: Path, domain: str) -> None:
    """Ask for each resource of a domain of API groups, such as `istio.io`, before a controller wants to watch it.

    An error is no obstacle: that controller is patient.
    """
    from lab.adapters.cluster_api import ClusterApi  # It loads an HTTP client, which a preview does without.

    with contextlib.suppress(LabError), ClusterApi(kubeconfig.read_text(encoding="utf-8")) as api:
        for (group, _kind), path in api.lists().items():
            if group.endswith(f".{domain}"):
                api.items(path, metadata=True, limit="1")
