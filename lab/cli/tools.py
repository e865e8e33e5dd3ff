"""`lab inject`, `bring`, `lock`, `settings` and `prune`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path  # noqa: TC003 - Typer reads the types at run time
from typing import Annotated

import typer

from lab import toolchain
from lab.adapters import environment, process
from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import console, say
from lab.cli.options import StackName  # noqa: TC001 - Typer reads the types at run time
from lab.core import paths
from lab.core.errors import LabError
from lab.settings import documents
from lab.toolchain import artifacts, dashboards, resolution


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
    [istioctl] = toolchain.bring(["istioctl"], Progress())
    command = [str(istioctl), f"--kubeconfig={kubeconfig}", "kube-inject", "-f", str(file)]
    sys.exit(process.interact(command, environment=environment.make(environment.KUBECTL)))


def bring(name: Annotated[str, typer.Argument(help="Such as istioctl.")]) -> None:
    """Bring a tool that comes when it is first asked for, and print its path."""
    [program] = toolchain.bring([name], Progress())
    typer.echo(program)


def lock(
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare checksums of downloads with the publishers' own instead.")
    ] = False,
) -> None:
    """For maintainers: compute the artifacts' checksums again after a change of version."""
    if verify:
        _compare()
        return
    artifacts.relock()
    dashboards.relock(progress=Progress())


def _compare() -> None:
    from lab.toolchain import records  # with an HTTP client, which no other command here needs

    found = records.verify(progress=Progress())
    for each in found:
        words = (
            each.tool + " " + each.platform,
            each.verdict,
            each.address,
            each.detail.removeprefix(each.address + ": "),
        )
        say(": ".join(word for word in words if word))
    count = Counter(each.verdict for each in found)
    say(", ".join(f"{count[verdict]} {verdict}" for verdict in records.Verdict))
    if wrong := [f"{each.tool} ({each.platform})" for each in found if each.verdict == records.Verdict.DIFFERS]:
        raise LabError(
            f"{resolution.LOCK_FILE.name} pins another checksum than the publisher of {', '.join(wrong)}",
            "look in the release which file it names, and correct url and checksum there; until then it is built",
        )


def settings() -> None:
    """For maintainers: write the declarations, pages and JSON schema of the settings from their fields."""
    changed = documents.write(paths.PROJECT)
    console.print(f"Wrote {', '.join(changed)}." if changed else "All files are up to date.")


def prune() -> None:
    """Delete what building the tools left in the cache: several GB, needed only to build them again."""
    console.print(f"freed {toolchain.prune_go_cache() / 1e9:.1f} GB; the tools themselves stay")
