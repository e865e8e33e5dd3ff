"""kubectl, told by file which cluster is meant: neither the user's kubeconfig nor their cache is touched."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import workspace
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path


def run(kubeconfig: Path, *arguments: str, stdin: str = "") -> str:
    """Run kubectl and return what it printed.

    Args:
        kubeconfig: the cluster and the credentials.
        arguments: after `kubectl`.
        stdin: what it reads, such as a manifest.

    Raises:
        LabError: it failed; the message carries its error output.
    """
    result = subprocess.run(
        [str(toolchain.path("kubectl")), f"--kubeconfig={kubeconfig}", *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
        # A kubeconfig of AKS names a login helper that may only be among the project's own tools.
        env={**workspace.environment(), "KUBECACHEDIR": str(paths.home() / "kubectl-cache")},
    )
    if result.returncode:
        raise LabError(f"kubectl {' '.join(arguments)} failed: {result.stderr.strip()}")
    return result.stdout


def ready_pods(listing: str, *, finished: bool) -> dict[str, tuple[int, int]]:
    """Count the ready and all Pods of each namespace.

    Args:
        listing: the output of `kubectl get pods -A -o json`.
        finished: count Pods that have done their work, and so will not be ready again.
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
