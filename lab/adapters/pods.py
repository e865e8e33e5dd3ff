"""How many Pods are ready, by what kubectl lists."""

from __future__ import annotations

import json
from collections import Counter


def ready(listing: str, *, finished: bool) -> dict[str, tuple[int, int]]:
    """Ready and all Pods of each namespace.

    Args:
        listing: the output of `kubectl get pods -A -o json`.
        finished: whether those count that have done their work, and so will not be ready again.
    """
    ready_ones: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for pod in json.loads(listing)["items"]:
        if pod["status"].get("phase") == "Succeeded" and not finished:
            continue
        namespace = pod["metadata"]["namespace"]
        conditions = {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}
        total[namespace] += 1
        ready_ones[namespace] += conditions.get("Ready") == "True"
    return {namespace: (ready_ones[namespace], total[namespace]) for namespace in total}
