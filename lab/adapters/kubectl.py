"""kubectl on a cluster that is named by file: neither the user's kubeconfig nor their cache is touched."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from lab.adapters import environment, process
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


_PATIENCE = 300.0
"""Seconds; what waits for a condition in the cluster has a shorter limit of its own."""


def run(kubeconfig: Path, *arguments: str, stdin: str = "") -> str:
    """Run kubectl and return what it printed.

    Args:
        kubeconfig: the cluster and the credentials.
        arguments: after `kubectl`.
        stdin: what it reads, such as a manifest.

    Raises:
        LabError: it failed; the message carries its error output.
    """
    title = f"kubectl {' '.join(arguments)}"
    words = command(kubeconfig, *arguments)
    try:
        return process.run(words, environment=variables(), stdin=stdin, timeout=_PATIENCE, title=title).stdout
    except process.ProcessTimeoutError as error:
        raise LabError(
            error.message, "the API server hangs; one of this machine is started again by: make up"
        ) from error


def command(kubeconfig: Path, *arguments: str) -> list[str]:
    """Return the words that run kubectl on a cluster.

    Raises:
        LabError: it is not there yet.
    """
    return [str(program()), f"--kubeconfig={kubeconfig}", *arguments]


def variables() -> dict[str, str]:
    """Return kubectl's environment."""
    return environment.make(environment.KUBECTL, KUBECACHEDIR=str(paths.home() / "kubectl-cache"))


def program() -> Path:
    """Return kubectl at its pinned version.

    Raises:
        LabError: it is not there yet.
    """
    file = paths.bin_dir() / "kubectl"
    if not file.exists():
        raise LabError("The tool kubectl is not there.", "Run `lab setup`.")
    return file


def ready_pods(listing: str, *, finished: bool) -> dict[str, tuple[int, int]]:
    """Count the ready and all Pods of each namespace.

    Args:
        listing: the output of `kubectl get pods -A -o json`.
        finished: count Pods that have done their work, and so will not be ready again.
    """
    return count_ready(json.loads(listing)["items"], finished=finished)


def count_ready(pods: Iterable[dict[str, Any]], *, finished: bool) -> dict[str, tuple[int, int]]:
    """Count the ready and all Pods of each namespace; `finished` as above."""
    ready_ones: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for pod in pods:
        if pod["status"].get("phase") == "Succeeded" and not finished:
            continue
        namespace = pod["metadata"]["namespace"]
        conditions = {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}
        total[namespace] += 1
        ready_ones[namespace] += conditions.get("Ready") == "True"
    return {namespace: (ready_ones[namespace], total[namespace]) for namespace in total}
