"""kubectl, told by file which cluster is meant: neither the user's kubeconfig nor their cache is touched."""

from __future__ import annotations

import subprocess
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
