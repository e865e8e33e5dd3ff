"""kubectl on a cluster that is named by file: neither the user's kubeconfig nor their cache is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.adapters import environment, process
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
    title = f"kubectl {' '.join(arguments)}"
    return process.run(command(kubeconfig, *arguments), environment=variables(), stdin=stdin, title=title).stdout


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
