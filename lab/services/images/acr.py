"""A stack's Azure Container Registry, which also builds images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.adapters import environment
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import cli
from lab.services.images.store import Recipe, Stored, run_builder

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_THERE = ("is not found", "NAME_UNKNOWN", "NotFound")
"""Messages of az for a repository that has no image yet."""

_NO_TASKS = "TasksOperationsNotAllowed"


class Acr:
    """The registry of a login server, used through the Azure CLI."""

    def __init__(self, host: str, subscription: str) -> None:
        self.host = host
        self._scope = ("--subscription", subscription)
        self.name = host.split(".", maxsplit=1)[0]

    @property
    def where(self) -> str:
        """Name of the store for messages."""
        return f"the registry {self.host}"

    def stored(self, app: str) -> Sequence[Stored]:
        """All tags of an application's image, the newest first."""
        question = ("acr", "repository", "show-tags", "--name", self.name, "--repository", app, "--detail")
        try:
            answer = json.loads(cli.ask(*question, "--orderby", "time_desc", "--top", "1000", *self._scope))
        except LabError as error:
            if any(words in error.message for words in _NOT_THERE):
                return []
            raise
        return [Stored(tag=each["name"], digest=each["digest"], created=each.get("createdTime", "")) for each in answer]

    def build(self, recipe: Recipe) -> None:
        """Build the sources in the registry, and lock the tags."""
        words = ["acr", "build", "--registry", self.name, *self._scope, "--file", f"{recipe.app}/Dockerfile"]
        for tag in recipe.tags:
            words += ["--image", f"{recipe.app}:{tag}"]
        for name, value in recipe.arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        variables = environment.make(environment.AZURE_CLI)
        ended = run_builder([cli.program(), *words, "."], cwd=paths.PROJECT / "apps", environment=variables)
        if ended.code:
            raise self._failure(ended.stdout)
        self.lock(recipe)

    def lock(self, recipe: Recipe) -> None:
        """Make the tags read-only, so that no push can change them."""
        for tag in recipe.tags:
            image = ("--name", self.name, "--image", f"{recipe.app}:{tag}")
            cli.ask("acr", "repository", "update", *image, "--write-enabled", "false", *self._scope)

    def _failure(self, output: str) -> LabError:
        if _NO_TASKS in output:
            return LabError(
                "this subscription may not build in its registry: Azure does not run ACR tasks on free credit",
                "build on your own machine, with Docker or Podman, and push: add --engine docker",
            )
        return cli.failure(("acr", "build"), output)
