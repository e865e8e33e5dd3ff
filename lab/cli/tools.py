"""`lab inject`, `lock`, `settings` and `prune`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads the types at run time
from typing import Annotated

import typer

from lab import toolchain
from lab.adapters import environment, process
from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import console
from lab.cli.options import StackName  # noqa: TC001 - Typer reads the types at run time
from lab.core import paths
from lab.core.errors import LabError
from lab.settings import documents
from lab.toolchain import artifacts, dashboards


def inject(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A manifest with Pods in it.")],
    stack: StackName = "dev",
) -> None:
    """Print a manifest with the sidecar added, as `istioctl kube-inject -f FILE` does.

    For namespaces without the label `istio-injection=enabled`: `lab inject deployment.yaml | kubectl apply -f -`
    """
    kubeconfig = Stack(stack).kubeconfig
    if not kubeconfig.is_file():
        raise LabError(f"stack {stack} is not up, and the sidecar's template is in its cluster", "make up")
    command = [str(toolchain.path("istioctl")), f"--kubeconfig={kubeconfig}", "kube-inject", "-f", str(file)]
    sys.exit(process.interact(command, environment=environment.make(environment.KUBECTL)))


def lock() -> None:
    """For maintainers: compute the artifacts' checksums again after a change of version."""
    artifacts.relock()
    dashboards.relock(progress=Progress())


def settings() -> None:
    """For maintainers: write the declarations, pages and JSON schema of the settings from their fields."""
    changed = documents.write(paths.PROJECT)
    console.print(f"Wrote {', '.join(changed)}." if changed else "All files are up to date.")


def prune() -> None:
    """Delete what building the tools left in the cache: several GB, needed only to build them again."""
    console.print(f"freed {toolchain.prune_go_cache() / 1e9:.1f} GB; the tools themselves stay")
