"""The `lab` command line: it prepares and calls; the work is in the modules it names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from lab import artifacts, dashboards, observability, paths, recovery, toolchain, workspace
from lab.audit.commands import audit
from lab.check.commands import check
from lab.classroom import commands as classroom
from lab.cost.commands import cost
from lab.curl import PASSED_ON, curl
from lab.dataplane import lifecycle
from lab.drift.commands import drift
from lab.embedded import control_plane, istiod, rollouts
from lab.errors import LabError
from lab.image import commands as image
from lab.lesson import commands as lesson
from lab.load import load
from lab.pipeline import commands as pipeline
from lab.progress import Progress
from lab.rollout import commands as rollout
from lab.stack import Stack

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
app.command()(load)
app.command(context_settings=PASSED_ON)(curl)
app.command()(audit)
app.command()(check)
app.command()(cost)
app.command()(drift)
console = Console()
errors = Console(stderr=True)

StackName = Annotated[
    str,
    typer.Option("--stack", "-s", envvar="STACK", help="Which lab: each stack is one of its own, side by side."),
]

AllowReplace = Annotated[
    bool,
    typer.Option(help="Also when the cluster, the registry or the resource group on Azure would be made anew."),
]
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
def setup() -> None:
    """Bring every tool, chart and manifest, and make the project's working folder. `up` does this by itself."""
    prepare(look_again=True)


@app.command()
def up(stack: StackName = "dev", *, allow_replace: AllowReplace = False) -> None:
    """Make the lab stand, or heal one that was hurt; then say where everything is."""
    from lab import summary
    from lab.audit import record

    target = Stack(stack)
    prepare(*_asked_for(target))
    target.require_unlocked()
    target.ensure()
    record.before_up(target)
    command = ("up", "--yes", "--skip-preview", "--stack", stack)
    if target.target == AZURE:
        from lab.azure import updates

        _prepare_azure(target)
        with Progress() as progress:
            updates.before_change(target, progress, allow_replace=allow_replace)
        _require_success(updates.update(target, *command), target)
        updates.keep_kubeconfig(target)
    else:
        _require_success(target.pulumi(*command), target)
    summary.show(target, console)


@app.command()
def preview(stack: StackName = "dev") -> None:
    """Show what `up` would do, and do nothing."""
    target = Stack(stack)
    prepare_preview(target)
    _require_success(target.pulumi("preview", "--stack", stack), target)


@app.command()
def down(stack: StackName = "dev") -> None:
    """Take the lab down: every process, port and file of it. The tools stay in the cache."""
    from lab.audit import record

    target = Stack(stack)
    if target.exists():
        prepare()
        target.require_unlocked()
        record.before_down(target)
        command = ("destroy", "--yes", "--skip-preview", "--stack", stack)
        if target.target == AZURE:
            from lab.azure import updates

            updates.before_destroy(target)
            _require_success(updates.update(target, *command), target)
        else:
            _require_success(target.pulumi(*command), target)
    sweep(target)
    record.sweep(target)
    console.print(f"Stack {stack} is taken down. Stand it up again with: make up{target.suffix}")
    console.print(f"Make sure that nothing is left with: lab audit{target.option}", highlight=False)


@app.command()
def recover(stack: StackName = "dev") -> None:
    """Put right what a killed `up` or `down` left: a locked stack, half-made releases, dead processes."""
    prepare()
    target = Stack(stack)
    target.ensure()
    recovery.recover(target, console)
    up(stack)


@app.command()
def stop(stack: StackName = "azure") -> None:
    """Stop a cluster on Azure overnight: its machines then cost nothing, and nothing in it is lost."""
    from lab.azure import power, updates

    cluster = updates.require_cluster(Stack(stack))
    with Progress() as progress:
        power.stop(cluster, console, progress)


@app.command()
def start(stack: StackName = "azure") -> None:
    """Start a stopped cluster on Azure again."""
    from lab.azure import power, updates

    cluster = updates.require_cluster(Stack(stack))
    with Progress() as progress:
        power.start(cluster, console, progress)


@app.command()
def status(stack: StackName = "azure") -> None:
    """Show whether a cluster on Azure runs, with its version and its nodes."""
    from lab.azure import power, updates

    power.show(power.status(updates.require_cluster(Stack(stack))), console)


@app.command()
def doctor(
    stack: StackName = "dev",
    target: Annotated[str, typer.Option(help="`azure` looks at the subscription too: login, quota, rights.")] = "",
) -> None:
    """Show every tool and artifact: its version, where it came from, what is missing and how to get it."""
    from lab import doctor as checks

    if not checks.show(console):
        raise LabError("something is missing", "make up")
    where = target or Stack(stack).target
    checks.show_metrics(Stack(stack), where, console)
    if where == AZURE:
        from lab.azure import doctor as azure_checks
        from lab.azure import updates

        with Progress() as progress:
            results = azure_checks.examine(updates.needs(Stack(stack)), progress)
        if not azure_checks.show(results, console):
            raise LabError("`up` would not end well on this subscription", "run the remedies above, then this again")


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


@app.command("open")
def open_(
    tool: Annotated[str, typer.Argument(help=f"One of: {', '.join(observability.TOOLS)}.")],
    stack: StackName = "dev",
    *,
    browser: Annotated[bool, typer.Option(help="Open it in the browser too, not only print its address.")] = True,
) -> None:
    """Show the page of a tool that watches the mesh, for as long as this command runs; Ctrl-C ends it."""
    observability.open_page(tool, Stack(stack), console, browser=browser)


@app.command()
def password(
    tool: Annotated[str, typer.Argument(help=f"One of: {', '.join(observability.LOGINS)}.")],
    stack: StackName = "dev",
) -> None:
    """Print what a tool's login asks for: Grafana's user and password, or a token of an hour for Kiali."""
    observability.show_login(tool, Stack(stack), console, errors)


@app.command()
def queries(
    name: Annotated[str, typer.Argument(help="Print this one's query alone, to be copied.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the questions that the course asks Prometheus, and what their answers mean."""
    from lab import queries as course

    chosen = (course.named(name),) if name else course.load()
    if as_json:
        typer.echo(json.dumps([asdict(query) for query in chosen], indent=2, ensure_ascii=False))
    elif name:
        typer.echo(chosen[0].query)
    else:
        table = Table(
            Column("name", no_wrap=True), Column("what it shows, and the query", overflow="fold"), show_lines=True
        )
        for query in chosen:
            table.add_row(query.name, f"{escape(f'{query.title}. {query.meaning}')}\n[cyan]{escape(query.query)}[/]")
        console.print(table)


@app.command()
def settings() -> None:
    """Write the settings' declarations, pages and JSON schema from their fields; for developers."""
    from lab.settings import documents

    changed = documents.write(paths.PROJECT)
    console.print(f"Wrote {', '.join(changed)}." if changed else "All files are up to date.")


@app.command()
def test() -> None:
    """Run the project's own checks: format, lint, types, unit tests, tests with the real engine and cluster."""
    prepare(*toolchain.OBSERVABILITY, *toolchain.LOAD)
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
        prepare(*toolchain.LOAD)
        from lab.bench import mesh as data_plane

        data_plane.run(Stack(stack), rounds, console, json_file)
        return
    if classroom:
        prepare()
        from lab.bench import classroom as students

        students.run(rounds, console, json_file)
        return
    if apps:
        from lab.bench import apps as applications

        applications.run(rounds, console, json_file)
        return
    prepare("helm")
    from lab import bench as benchmark

    benchmark.run(rounds, console, json_file)


@app.command()
def lock() -> None:
    """For maintainers: compute the artifacts' checksums anew after a change of version."""
    artifacts.relock()
    with Progress() as progress:
        dashboards.relock(progress=progress)


@app.command()
def prune() -> None:
    """Delete what building the tools left in the cache: several GB, needed only to build them again."""
    console.print(f"freed {toolchain.prune_go_cache() / 1e9:.1f} GB; the tools themselves stay")


@app.command()
def clean(
    *,
    cache: Annotated[bool, typer.Option(help="The cache of tools too; the next `up` brings them again.")] = False,
) -> None:
    """Take every lab of this project down and delete its working folder."""
    _require_nothing_on_azure()
    stacks = paths.home() / "stacks"
    for directory in sorted(stacks.iterdir()) if stacks.is_dir() else []:
        sweep(Stack(directory.name))
    shutil.rmtree(paths.home(), ignore_errors=True)
    if cache:
        shutil.rmtree(paths.cache(), ignore_errors=True)
    console.print("Clean.")


def prepare_preview(stack: Stack) -> None:
    """Bring what a preview needs, and make the stack unless it exists.

    Raises:
        LabError: a tool cannot be had, or the stack's cluster is stopped.
    """
    prepare()
    stack.ensure()
    if stack.target == AZURE:
        from lab.azure import power, updates

        _prepare_azure(stack)
        if found := updates.cluster_of(stack):
            power.require_running(found, start_command=f"lab start{stack.option}")


def sweep(stack: Stack) -> None:
    """End what still runs from a stack's folder and delete the folder; for labs that no state knows of."""
    lifecycle.stop(stack.directory)
    rollouts.stop(stack.directory)
    istiod.stop(stack.directory)
    control_plane.remove(stack.directory)


def _require_nothing_on_azure() -> None:
    """Without its state, what a stack has on Azure would go on costing and nobody would know."""
    for state in sorted(paths.stacks_dir().glob("*.json")):
        if '"type": "azure-native:' in state.read_text(encoding="utf-8"):
            raise LabError(f"stack {state.stem} still has resources on Azure", f"make down STACK={state.stem}")


def prepare(*more_tools: str, look_again: bool = False) -> None:
    """Bring the tools, charts and manifests, and make the project's working folder."""
    with Progress() as progress:
        toolchain.ensure((*toolchain.DEFAULT, *more_tools), progress=progress)
        artifacts.ensure(progress=progress)
        dashboards.ensure(again=look_again, progress=progress)
    workspace.prepare()


def _asked_for(stack: Stack) -> tuple[str, ...]:
    """Tools that only some settings need."""
    config = stack.config()
    if "rollouts" not in config or stack.target != "embedded":
        return ()
    from lab.settings import Settings

    analysed = Settings.from_mapping(config, source=stack.file.name).rollouts.delivery.analysed
    return ("prometheus",) if analysed else ()


def _prepare_azure(stack: Stack) -> None:
    from lab.azure import plugin, updates
    from lab.cost import limit

    limit.hold(updates.planned(stack), stack=stack.name)
    with Progress() as progress:
        plugin.ensure(progress)
        updates.bring_kubelogin(stack)
    updates.allow_caller(stack, console)


def _require_success(code: int, stack: Stack) -> None:
    if code:
        raise LabError(
            f"pulumi ended with code {code}; its message is above",
            f"run the same command again, or put a half-made lab right with: make recover{stack.suffix}",
        )
