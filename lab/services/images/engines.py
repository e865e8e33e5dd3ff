"""Container engines of this machine, which build and push images."""

from __future__ import annotations

import json
import shutil
from enum import StrEnum
from typing import TYPE_CHECKING

from lab.adapters import environment, process
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import cli
from lab.services.images.store import Recipe, Stored, run_builder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.images.acr import Acr

_TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - a user name
"""User name that Azure's registries expect with a token."""


class Engine(StrEnum):
    """Builders of images."""

    ACR = "acr"
    DOCKER = "docker"
    PODMAN = "podman"


def require(engine: Engine) -> str:
    """Path of the engine's program."""
    if found := shutil.which(engine.value):
        return found
    raise LabError(f"{engine.value} is not on PATH", f"install {engine.value}, or choose another --engine")


class Local:
    """The engine's images on this machine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._program = require(engine)

    @property
    def where(self) -> str:
        """Name of the store for messages."""
        return f"{self._engine.value} on this machine"

    def stored(self, app: str) -> Sequence[Stored]:
        """All tags of an application's image, as the engine lists them."""
        command = [self._program, "image", "ls", "--no-trunc", "--format", "{{json .}}", app]
        listed = process.run(command, environment=_variables(), check=False)
        if listed.code:
            raise LabError(f"{self._engine.value} does not answer: {listed.last_words}", f"{self._engine.value} info")
        return [_stored(json.loads(line)) for line in listed.stdout.splitlines()]

    def build(self, recipe: Recipe, prefix: str = "") -> None:
        """Build on this machine, under names with a prefix: a registry's host, or nothing."""
        command = [self._program, "build", "--file", f"{recipe.app}/Dockerfile"]
        for tag in recipe.tags:
            command += ["--tag", f"{prefix}{recipe.app}:{tag}"]
        for name, value in recipe.arguments.items():
            command += ["--build-arg", f"{name}={value}"]
        if run_builder([*command, "."], cwd=paths.PROJECT / "apps", environment=_variables()).code:
            raise LabError(
                f"{self._engine.value} could not build {recipe.app}; its reasons are above",
                "mend that, then run the same command again: nothing was changed",
            )

    def push(self, image: str) -> None:
        """Send an image to the registry that its name begins with."""
        if run_builder([self._program, "push", image], cwd=paths.PROJECT, environment=_variables()).code:
            raise LabError(
                f"{self._engine.value} could not push {image}; its reasons are above", "run the same command again"
            )

    def log_in(self, registry: Acr) -> None:
        """Log the engine in; the token goes through standard input, never through an argument."""
        token = json.loads(cli.ask("acr", "login", "--name", registry.name, "--expose-token"))["accessToken"]
        command = [self._program, "login", registry.host, "--username", _TOKEN_USER, "--password-stdin"]
        answer = process.run(command, environment=_variables(), stdin=token, check=False)
        if answer.code:
            raise LabError(f"{registry.host} does not let {self._engine.value} in: {answer.last_words}", "az login")


class Pushed:
    """The stack's registry, with images built on this machine."""

    def __init__(self, registry: Acr, engine: Engine) -> None:
        self._registry = registry
        self._local = Local(engine)

    @property
    def where(self) -> str:
        """Name of the store for messages."""
        return self._registry.where

    def stored(self, app: str) -> Sequence[Stored]:
        """All tags of an application's image in the registry."""
        return self._registry.stored(app)

    def build(self, recipe: Recipe) -> None:
        """Build here, push, and lock the tags."""
        self._local.build(recipe, prefix=f"{self._registry.host}/")
        self._local.log_in(self._registry)
        # The content tag goes last: an image without it is built again, one without its own tag is lost.
        for tag in recipe.tags:
            self._local.push(f"{self._registry.host}/{recipe.app}:{tag}")
        self._registry.lock(recipe)


def _variables() -> dict[str, str]:
    return environment.make(environment.CONTAINERS)


def _stored(entry: dict[str, str]) -> Stored:
    return Stored(tag=entry["Tag"], digest=entry.get("Digest") or entry["ID"], created=entry.get("CreatedAt", ""))
