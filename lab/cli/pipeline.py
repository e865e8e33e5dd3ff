"""`lab pipeline`: the stages of the pipelines of GitHub, GitLab and Gitea."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab import toolchain
from lab.adapters import process, workspace
from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import say
from lab.core import paths
from lab.core.errors import LabError

app = typer.Typer(
    help="""The stages of a pipeline: test, then preview on a pull request, or image and deploy on main.

    `pipelines/run STAGE` prepares the machine and calls these; the files of GitHub, GitLab and Gitea call that.
    Each stage can also be run manually.
    """,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
# Not the shared option: a pipeline has its own variable.
StackName = Annotated[
    str, typer.Option("--stack", "-s", envvar=["ISTIO_LAB_STACK", "STACK"], help="Pulumi stack of the pipeline.")
]
TargetName = Annotated[
    str,
    typer.Option(
        envvar="ISTIO_LAB_TARGET",
        help="Target of that stack. A stack with another target is refused, so that no pipeline reaches a cloud or a "
        "cluster that nobody named.",
    ),
]
AZURE = "azure"
EMBEDDED = "embedded"


@app.command()
def tools(target: TargetName = EMBEDDED) -> None:
    """Install every tool, chart and manifest before the login, which lasts only minutes."""
    from lab.cli import lifecycle

    with Progress() as progress:
        toolchain.ensure(toolchain.LOAD, progress=progress)
    lifecycle.setup()
    if target == AZURE:
        from lab.platforms.azure import plugin

        with Progress() as progress:
            plugin.ensure(progress)


@app.command()
def login(stack: StackName = "dev", target: TargetName = EMBEDDED) -> None:
    """Log in to Azure by the identity token of the pipeline's host; other targets need no login."""
    if _require_target(Stack(stack), target).target != AZURE:
        say(f"stack {stack} needs no login: its target is {target}")
        return
    from lab.services.pipeline.login import login as log_in

    workspace.prepare()
    found = log_in(os.environ)
    say(f"logged in to subscription {found.name} ({found.id})")


@app.command()
def test() -> None:
    """Run the tests of order and delivery; when one fails, nothing is built and nothing deployed."""
    with Progress() as progress:
        toolchain.ensure(toolchain.LOAD, progress=progress)
    command = [sys.executable, "-m", "pytest", "apps/tests", "-q", "-n", "2", "--dist", "loadfile"]
    # The variable CI stays here: with it, a test that needs more than a host's machine has, such as root, would fail
    # instead of being left out.
    if process.interact(command, cwd=paths.PROJECT, environment=workspace.environment()):
        raise LabError("a test of the applications failed, so the pipeline ends here", "python -m pytest apps/tests")


@app.command()
def image(stack: StackName = "dev", target: TargetName = EMBEDDED) -> None:
    """Build the images of both applications, unless their contents are in the registry."""
    _build_images(_require_target(Stack(stack), target))


@app.command()
def preview(
    stack: StackName = "dev",
    target: TargetName = EMBEDDED,
    output: Annotated[Path, typer.Option(help="The file for the comment, in Markdown.")] = Path("preview.md"),
) -> None:
    """Write what `deploy` would change to a file, and comment on the pull request where there is one.

    The comment of an earlier run is replaced. The numbers alone go to a file beside it, which GitLab shows in the merge
    request without a token.
    """
    from lab.services import lifecycle
    from lab.services.images import build as images
    from lab.services.pipeline import comment
    from lab.services.pipeline.hosts import PullRequest

    chosen = _require_target(Stack(stack), target)
    lifecycle.prepare(Progress())
    lifecycle.prepare_preview(chosen, Progress())
    if images.has_registry(chosen):
        for name in images.propose_all(chosen):
            say(f"previewed with {name}")
    with Progress() as progress, progress.step(f"previewing stack {stack}", usual=10):
        found = chosen.preview()
    text = comment.markdown(found, stack=stack)
    output.write_text(text, encoding="utf-8")
    output.with_suffix(".json").write_text(json.dumps(comment.totals(found)) + "\n", encoding="utf-8")
    say(f"the preview of stack {stack} is in {output}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as page:
            page.write(text)
    if request := PullRequest.from_environment(os.environ):
        address = request.comment(text, mark=comment.MARK.format(stack=stack))
        say(f"and at {address}")


@app.command()
def deploy(stack: StackName = "dev", target: TargetName = EMBEDDED) -> None:
    """Update the stack from the sources: `lab up`, with its guard against losing a cluster."""
    from lab.cli import lifecycle
    from lab.services.images import build as images

    chosen = _require_target(Stack(stack), target)
    first = chosen.target == AZURE and not images.has_registry(chosen)
    lifecycle.up(stack)
    if first:
        # This update created the registry, so only now images can be built.
        _build_images(chosen)
        lifecycle.up(stack)


@app.command()
def finish(stack: StackName = "dev", target: TargetName = EMBEDDED) -> None:
    """Take down a lab on the pipeline's own machine, so that nothing of it outlives the job."""
    from lab.cli import lifecycle

    if _require_target(Stack(stack), target).target != EMBEDDED:
        say(f"stack {stack} has the target {target} and is kept")
        return
    lifecycle.down(stack)


class Reaping(StrEnum):
    """Action of the scheduled pipeline on expired labs."""

    DRY = "dry"
    STOP = "stop"
    DESTROY = "destroy"


@app.command()
def reap(
    action: Annotated[
        Reaping, typer.Option(envvar="ISTIO_LAB_REAP", help="`dry` only says what would be done.")
    ] = Reaping.DRY,
) -> None:
    """Stop or destroy the labs of the backend that have expired: `lab class reap`, for a pipeline with a schedule."""
    from lab.cli import reap as reaping
    from lab.services.classes.reap_policy import ExpiryAction

    dry = action is Reaping.DRY
    chosen = ExpiryAction.DESTROY if dry else ExpiryAction(action.value)
    reaping.run(now=datetime.now(tz=UTC), yes=not dry, action=chosen, as_json=False, roster={})


def _require_target(stack: Stack, named: str) -> Stack:
    """Refuse a stack with another target than the pipeline's."""
    if stack.target != named:
        raise LabError(
            f"the pipeline is for the target {named}, but the target of stack {stack.name} is {stack.target}",
            f"set the pipeline's variable ISTIO_LAB_TARGET to {stack.target}, or ISTIO_LAB_STACK to another stack",
        )
    return stack


def _build_images(stack: Stack) -> None:
    from lab.services.images import build as images

    if not images.has_registry(stack):
        say(f"stack {stack.name} has no registry, so there is no image to build: this stage has nothing to do")
        return
    for built in images.build_all(stack, Progress):
        say(f"{built.image}: {'built' if built.new else 'there already'}, in {built.where}")
