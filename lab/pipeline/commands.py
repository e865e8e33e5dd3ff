"""`lab pipeline`: what the pipelines of GitHub, GitLab and Gitea call, stage by stage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lab import paths, toolchain, workspace
from lab.errors import LabError
from lab.progress import Progress
from lab.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    help="""The stages of a pipeline: test, then preview on a pull request, or image and deploy on main.

    `pipelines/run STAGE` prepares the machine and calls these; the files of GitHub, GitLab and Gitea call that.
    Each stage can be run by hand just as well.
    """,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
console = Console()

StackName = Annotated[
    str, typer.Option("--stack", "-s", envvar=["ISTIO_LAB_STACK", "STACK"], help="Which stack the pipeline serves.")
]
AZURE = "azure"


@app.command()
def test() -> None:
    """Run the tests of order and delivery; when one fails, nothing is built and nothing deployed."""
    with Progress() as progress:
        toolchain.ensure(toolchain.LOAD, progress=progress)
    command = [sys.executable, "-m", "pytest", "apps", "-q", "-n", "2"]
    if subprocess.run(command, check=False, cwd=paths.PROJECT, env=workspace.environment()).returncode:
        raise LabError("a test of the applications failed, so the pipeline ends here", "python -m pytest apps")


@app.command()
def image(stack: StackName = "dev") -> None:
    """Build the images of both applications, unless their contents are in the registry already."""
    from lab import apps
    from lab.image import build as images

    target = Stack(stack)
    if not _has_registry(target):
        console.print(_WITHOUT_REGISTRY.format(stack=stack))
        return
    for each in apps.names():
        built = images.build(target, each, tag=None, engine=None, base=None)
        images.choose(target, built.image)
        console.print(f"{built.image}: {'built' if built.new else 'there already'}, in {built.where}")


@app.command()
def preview(
    stack: StackName = "dev",
    output: Annotated[Path, typer.Option(help="The file for the comment, in Markdown.")] = Path("preview.md"),
) -> None:
    """Write what `deploy` would change to a file, and comment on the pull request where there is one.

    On GitHub and Gitea the comment of an earlier run is written again. GitLab shows the file as an artifact.
    """
    from lab.pipeline import comment
    from lab.pipeline.hosts import PullRequest

    target = Stack(stack)
    _prepare(target)
    _propose_images(target)
    with Progress() as progress, progress.step(f"previewing stack {stack}", usual=10):
        found = target.preview()
    text = comment.markdown(found, stack=stack)
    output.write_text(text, encoding="utf-8")
    console.print(f"the preview of stack {stack} is in {output}", highlight=False, soft_wrap=True)
    if request := PullRequest.from_environment(os.environ):
        address = request.comment(text, mark=comment.MARK.format(stack=stack))
        console.print(f"and at {address}", highlight=False, soft_wrap=True)


@app.command()
def deploy(stack: StackName = "dev") -> None:
    """Bring the stack to what the sources say: `lab up`, with its guard against losing a cluster."""
    from lab import cli

    target = Stack(stack)
    first = target.target == AZURE and not _has_registry(target)
    cli.up(stack)
    if first:
        # The registry came with this very update, and the images with it: now there is something to run.
        image(stack)
        cli.up(stack)


@app.command()
def finish(stack: StackName = "dev") -> None:
    """Take down a lab that stands on the pipeline's own machine, so that nothing of it outlives the job."""
    from lab import cli

    if Stack(stack).target == AZURE:
        console.print(f"stack {stack} stands on Azure and stays there")
        return
    cli.down(stack)


def _prepare(stack: Stack) -> None:
    from lab import cli

    cli.prepare_preview(stack)


def _has_registry(stack: Stack) -> bool:
    return stack.target == AZURE and stack.exists() and "registry" in stack.outputs()


def _propose_images(stack: Stack) -> None:
    """Preview with the images that `image` would build or find, without building any."""
    if not _has_registry(stack):
        return
    for name in _proposed(stack):
        console.print(f"previewed with {name}")


def _proposed(stack: Stack) -> Iterator[str]:
    from lab import apps
    from lab.image import build as images

    for each in apps.names():
        name = images.propose(stack, each)
        images.choose(stack, name)
        yield name


_WITHOUT_REGISTRY = "stack {stack} has no registry, so there is no image to build: that stage has nothing to do"
