"""Build, list and choose the images of a stack."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.adapters import environment, process
from lab.core import paths
from lab.core.errors import LabError
from lab.services.images import tags
from lab.services.images.acr import Acr
from lab.services.images.engines import Engine, Local, Pushed
from lab.services.images.store import Recipe
from lab.settings import Settings
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.adapters.stack import Stack
    from lab.core.progress import Progress
    from lab.services.images.store import Store, Stored

_LOCAL = (Engine.DOCKER, Engine.PODMAN)


@dataclass(frozen=True, kw_only=True)
class Built:
    """Result of a build: `new` if it was needed, `local` if no registry has the image."""

    image: str
    where: str
    new: bool
    local: bool


def build(  # noqa: PLR0913 - options, each with a default
    stack: Stack, app: str, progress: Progress, *, tag: str = "", engine: Engine | None = None, base: str = ""
) -> Built:
    """Build an image of an application's present sources, unless it exists.

    Without a tag it is generated; without an engine the stack's registry builds, or else an engine of this machine.

    Raises:
        LabError: the tag is not allowed or taken, nothing here can build, or the build fails.
    """
    tags.require_app(app, applications.names())
    if tag:
        tags.require_tag(tag)
    store = _store(stack, engine)
    content, revision = applications.content_hash(app), _revision()
    if base:
        content = tags.digest(f"{content} on {base}")
    proposed = tags.unique_tag(datetime.now(UTC).date(), revision, content)
    with progress, progress.step(f"asking {store.where} what is there", usual=3):
        stored = store.stored(app)
    decision = tags.decide(chosen=tag or None, proposed=proposed, content_hash=content, stored=stored)
    if decision.build:
        arguments = {
            "VERSION": decision.tag,
            "REVISION": revision.commit,
            "SOURCE": _source(),
            **({"BASE_IMAGE": base} if base else {}),
        }
        store.build(Recipe(app=app, tags=(decision.tag, tags.content_tag(content)), arguments=arguments))
    return Built(image=f"{app}:{decision.tag}", where=store.where, new=decision.build, local=isinstance(store, Local))


def propose(stack: Stack, app: str) -> str:
    """The image that `build` would create or find, for a preview."""
    store, content = _store(stack, None), applications.content_hash(app)
    proposed = tags.unique_tag(datetime.now(UTC).date(), _revision(), content)
    decision = tags.decide(chosen=None, proposed=proposed, content_hash=content, stored=store.stored(app))
    return f"{app}:{decision.tag}"


def stored(stack: Stack, app: str, progress: Progress, engine: Engine | None = None) -> Sequence[Stored]:
    """List the images of an application, without the lab's own content tags."""
    tags.require_app(app, applications.names())
    store = _store(stack, engine)
    with progress, progress.step(f"asking {store.where}", usual=3):
        return [each for each in store.stored(app) if not tags.is_content_tag(each.tag)]


def use(stack: Stack, app: str, tag: str, progress: Progress, engine: Engine | None = None) -> str:
    """Choose an existing image for the next `up`, and return its name and tag."""
    tags.require_tag(tag)
    there = [each.tag for each in stored(stack, app, progress, engine)]
    if tag not in there:
        known = f"there are: {', '.join(there[:5])}" if there else "none has been built yet"
        raise LabError(f"there is no image {app}:{tag}; {known}", f"lab image list {app}{stack.option}")
    choose(stack, f"{app}:{tag}")
    return f"{app}:{tag}"


def has_registry(stack: Stack) -> bool:
    """Whether the stack is on Azure and has its registry already."""
    return stack.target == "azure" and stack.exists() and "registry" in stack.outputs()


def build_all(stack: Stack, progress: Callable[[], Progress]) -> Iterator[Built]:
    """Build and choose the images of all applications, unless their contents are in the registry."""
    for app in applications.names():
        built = build(stack, app, progress())
        choose(stack, built.image)
        yield built


def propose_all(stack: Stack) -> Iterator[str]:
    """Choose the images that `build_all` would create or find, without building any."""
    for app in applications.names():
        image = propose(stack, app)
        choose(stack, image)
        yield image


def choose(stack: Stack, image: str) -> None:
    """Write an image into the stack's settings."""
    app, _, _ = image.partition(":")
    stack.set_config(f"shop.{app}.image", image)


def _store(stack: Stack, engine: Engine | None) -> Store:
    registry = _registry(stack)
    if registry is None:
        return Local(_engine_here(stack, engine))
    return registry if engine in {None, Engine.ACR} else Pushed(registry, Engine(engine))


def _registry(stack: Stack) -> Acr | None:
    """The stack's own registry, on Azure."""
    if stack.target != "azure":
        return None
    outputs = stack.outputs() if stack.exists() else {}
    if "registry" not in outputs:
        raise LabError(
            f"stack {stack.name} has no registry yet: it comes with its first `up`", f"make up{stack.suffix}"
        )
    return Acr(outputs["registry"], outputs["azureSubscription"])


def _engine_here(stack: Stack, engine: Engine | None) -> Engine:
    if engine is Engine.ACR:
        raise LabError(
            f"stack {stack.name} has no registry: its target is {stack.target}",
            "choose --engine docker or --engine podman, or a stack on azure",
        )
    if engine is not None:
        return engine
    if found := next((each for each in _LOCAL if shutil.which(each.value)), None):
        return found
    simulated = " (its Pods are simulated and need no image)" if stack.target == "embedded" else ""
    raise LabError(
        f"nothing can build here: stack {stack.name} has no registry{simulated}, and no docker or podman is on PATH",
        "install Docker or Podman, or take a stack on azure, whose registry builds by itself",
    )


def _revision() -> tags.Revision:
    """State of the sources in git; empty without git."""
    if not (git := shutil.which("git")):
        return tags.Revision(commit="", dirty=False)
    commit = _git(git, "rev-parse", "--short=7", "HEAD")
    if commit.code:
        return tags.Revision(commit="", dirty=False)
    changed = _git(git, "status", "--porcelain", "--", "apps")
    return tags.Revision(commit=commit.stdout.strip(), dirty=bool(changed.stdout.strip()))


def _source() -> str:
    """Address of the git remote without credentials; empty if there is none."""
    if not (git := shutil.which("git")):
        return ""
    found = _git(git, "remote", "get-url", "origin")
    return "" if found.code else re.sub(r"(?<=//)[^/@]*@", "", found.stdout.strip())


def chosen(stack: Stack, app: str) -> str:
    """The image that the stack's settings name; empty for none."""
    shop = Settings.from_mapping(stack.config(), source=stack.file.name, stack=stack.name).shop
    return {"order": shop.order.image, "delivery": shop.delivery.image}.get(app, "")


def _git(program: str, *arguments: str) -> process.Result:
    command = [program, "-C", str(paths.PROJECT), *arguments]
    # The folder above may be another repository.
    variables = environment.make(environment.GIT, GIT_CEILING_DIRECTORIES=str(paths.PROJECT.parent))
    return process.run(command, environment=variables, check=False)
