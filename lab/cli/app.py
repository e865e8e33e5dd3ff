"""The `lab` command line: it prepares and calls; the work is in the modules it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import toolchain
from lab.adapters import workspace
from lab.adapters.stack import Stack
from lab.cli import class_ as classroom
from lab.cli import image, lesson, pipeline, rollout
from lab.cli.audit import audit
from lab.cli.azure import start, status, stop
from lab.cli.board import Progress
from lab.cli.check import check
from lab.cli.console import console, errors
from lab.cli.cost import cost
from lab.cli.curl import PASSED_ON, curl
from lab.cli.doctor import doctor
from lab.cli.drift import drift
from lab.cli.lifecycle import clean, down, preview, recover, setup, up
from lab.cli.load import load
from lab.cli.open import open_, password, queries
from lab.cli.options import StackName  # noqa: TC001 - Typer reads the types at run time
from lab.core import paths
from lab.core.errors import LabError
from lab.services import lifecycle
from lab.toolchain import artifacts, dashboards

app = typer.Typer(
    help="Stand up, look at and take down an Istio course lab. The usual way in is `make up`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(classroom.app, name="class")
app.add_typer(image.app, name="image")
app.add_typer(lesson.app, name="lesson")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(rollout.app, name="rollout")
for _command in (setup, up, preview, down, recover, clean):
    app.command()(_command)
app.command()(load)
app.command(context_settings=PASSED_ON)(curl)
app.command()(audit)
app.command()(check)
app.command()(cost)
app.command()(drift)
app.command()(stop)
app.command()(start)
app.command()(status)
app.command()(doctor)
app.command("open")(open_)
app.command()(password)
app.command()(queries)
AZURE = "azure"


def main() -> None:
    """Run the command line; a failure that the user can act on is a message, never a stack trace."""
    try:
        app()
    except LabError as error:
        errors.print(f"[bold red]error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
        if error.remedy:
            errors.print(f"[bold]do:[/] {escape(error.remedy)}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("interrupted; nothing half-made is left: run the same command again")
        sys.exit(130)


@app.command()
def inject(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A manifest with Pods in it.")],
    stack: StackName = "dev",
) -> None:
    """Print a manifest with the sidecar added, as `istioctl kube-inject -f FILE` does.

    For the namespaces without the label `istio-injection=enabled`: `lab inject deployment.yaml | kubectl apply -f -`
    """
    kubeconfig = Stack(stack).kubeconfig
    if not kubeconfig.is_file():
        raise LabError(f"stack {stack} does not stand, and the sidecar's template is in its cluster", "make up")
    command = [str(toolchain.path("istioctl")), f"--kubeconfig={kubeconfig}", "kube-inject", "-f", str(file)]
    sys.exit(subprocess.run(command, check=False, env=workspace.environment()).returncode)


@app.command()
def test() -> None:
    """Run the project's own checks: format, lint, types, unit tests, tests with the real engine and cluster."""
    lifecycle.prepare(Progress(), *toolchain.OBSERVABILITY, *toolchain.LOAD)
    from lab import checks

    checks.run(console)


@app.command()
def bench(  # noqa: PLR0913 - its options
    rounds: Annotated[int, typer.Option(min=1, help="How often each way is measured.")] = 3,
    json_file: Annotated[Path, typer.Option("--json", help="Where every sample is written.")] = Path("bench.json"),
    *,
    apps: Annotated[bool, typer.Option("--apps", help="Measure order and delivery instead.")] = False,
    mesh: Annotated[bool, typer.Option("--mesh", help="Measure the data plane of a lab that stands instead.")] = False,
    classroom: Annotated[bool, typer.Option("--class", help="Measure a class of twelve students instead.")] = False,
    stack: Annotated[str, typer.Option("--stack", "-s", envvar="STACK", help="Which lab, with --mesh.")] = "dev",
) -> None:
    """Measure this stack against the course's own commands, in turn, on this machine."""
    if mesh:
        lifecycle.prepare(Progress(), *toolchain.LOAD)
        from benchmarks import mesh as data_plane

        data_plane.run(Stack(stack), rounds, console, json_file)
        return
    if classroom:
        lifecycle.prepare(Progress())
        from benchmarks import classroom as students

        students.run(rounds, console, json_file)
        return
    if apps:
        from benchmarks import apps as applications

        applications.run(rounds, console, json_file)
        return
    lifecycle.prepare(Progress(), "helm")
    import benchmarks as benchmark

    benchmark.run(rounds, console, json_file)


@app.command()
def lock() -> None:
    """For maintainers: compute the artifacts' checksums anew after a change of version."""
    artifacts.relock()
    with Progress() as progress:
        dashboards.relock(progress=progress)


@app.command()
def settings() -> None:
    """For maintainers: write the declarations, pages and JSON schema of the settings from their fields."""
    from lab.settings import documents

    changed = documents.write(paths.PROJECT)
    console.print(f"Wrote {', '.join(changed)}." if changed else "All files are up to date.")


@app.command()
def prune() -> None:
    """Delete what building the tools left in the cache: several GB, needed only to build them again."""
    console.print(f"freed {toolchain.prune_go_cache() / 1e9:.1f} GB; the tools themselves stay")
