"""`lab image`: build images, list them, choose one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Column

from lab.adapters.stack import Stack
from lab.cli.board import Progress
from lab.cli.console import Table, console, print_json, say
from lab.cli.options import Json, StackName  # noqa: TC001 - Typer looks at the types when it runs
from lab.core.errors import LabError
from lab.services.images.engines import Engine
from lab.services.images.tags import short

app = typer.Typer(
    help="""Build the images of order and delivery, list them, return to an earlier one.

    A tag always means the same content: nothing is built twice, `latest` is refused, and an earlier tag is the way
    back. The image is a setting of the stack; the next `make up` brings it to the cluster.
    """,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AppName = Annotated[str, typer.Argument(metavar="APP", help="order or delivery.")]
EngineName = Annotated[
    Engine | None,
    typer.Option(
        help="Builder: the registry itself (acr), or an engine of this machine. Default: the stack's registry if it "
        "has one, else the installed engine."
    ),
]


@app.command()
def build(  # noqa: PLR0913 - the options of a command
    name: AppName,
    stack: StackName = "azure",
    tag: Annotated[str, typer.Option(help="Tag to use instead of day, commit and content.")] = "",
    engine: EngineName = None,
    base: Annotated[str, typer.Option(help="Base image to use instead of the Dockerfile's.")] = "",
    *,
    use: Annotated[bool, typer.Option(help="Make it the stack's image for the next `make up`.")] = True,
) -> None:
    """Build an application's image, unless its content exists already, and make it the stack's.

    On Azure the stack's registry builds, so no Docker is needed: `lab image build order --stack azure`.
    """
    from lab.services.images import build as images

    target = Stack(stack)
    built = images.build(target, name, Progress(), tag=tag, engine=engine, base=base)
    done = "built" if built.new else "there already with this very content, so not built again"
    say(f"{built.image}: {done}, in {built.where}")
    if built.local and target.target == "kubeconfig":
        say(
            f"The cluster must be given it: kind load docker-image {built.image}, or push it to a registry that the "
            f"cluster pulls from and name that in istio-lab:shop.{name}.image"
        )
    if use:
        images.choose(target, built.image)
        _next(target, name, built.image)


@app.command("list")
def list_(
    name: AppName,
    stack: StackName = "azure",
    engine: EngineName = None,
    *,
    as_json: Json = False,
) -> None:
    """List an application's images, the newest first, and which one the stack uses.

    For example: `lab image list order --stack azure`.
    """
    from lab.services.images import build as images

    target = Stack(stack)
    found = images.stored(target, name, Progress(), engine)
    used = images.chosen(target, name)
    if as_json:
        print_json([{**asdict(each), "used": f"{name}:{each.tag}" == used} for each in found])
        return
    if not found:
        raise LabError(f"there is no image of {name} yet", f"lab image build {name}{target.option}")
    table = Table("", Column("tag", overflow="fold"), Column("digest", no_wrap=True), Column("built", no_wrap=True))
    for each in found:
        mark = "*" if f"{name}:{each.tag}" == used else ""
        table.add_row(mark, each.tag, short(each.digest), each.created[:19].replace("T", " "))
    console.print(table)
    console.print(f"* what stack {target.name} uses" if used else f"stack {target.name} uses none of them yet")


@app.command()
def use(
    name: AppName,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="As `lab image list` shows it.")],
    stack: StackName = "azure",
    engine: EngineName = None,
) -> None:
    """Make an earlier image the stack's again: the way back from a bad one.

    For example: `lab image use order 20261124-0123abc-0123456789ab --stack azure`, then `make up STACK=azure`.
    """
    from lab.services.images import build as images

    target = Stack(stack)
    _next(target, name, images.use(target, name, tag, Progress(), engine))


def _next(stack: Stack, name: str, image: str) -> None:
    say(f"istio-lab:shop.{name}.image is {image} now; bring it to the cluster with: make up{stack.suffix}")
