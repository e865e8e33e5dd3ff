"""One Pulumi stack and the commands run on it."""

from __future__ import annotations

import copy
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psutil
import yaml

from lab.adapters import process, workspace
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Stricter than Pulumi's own rule: the name also becomes a folder and a part of Azure names."""

_NAMESPACE = "istio-lab:"
"""Before each of the lab's own keys in a stack's configuration."""

_NOBODY = 2**31 - 1
"""Above every system's greatest process id."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Who holds a stack of the local backend.

    Attributes:
        pid: process id on this machine.
        since: when it took the lock, as Pulumi wrote it.
    """

    pid: int
    since: str

    @property
    def alive(self) -> bool:
        """Whether that process still runs; after a reboot its number may belong to a stranger."""
        try:
            return psutil.Process(self.pid).name() == "pulumi"
        except psutil.Error:
            return False


class Stack:
    """One stack of this project.

    Attributes:
        name: as `pulumi stack select` takes it.
        config_file: configuration of the commands in the terminal, if it is not the stack's own file.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise LabError(
                f"STACK={name!r} is no name for a stack",
                "use 1 to 40 lower-case letters, digits and inner hyphens, for example STACK=dev",
            )
        self.name = name
        self.config_file: Path | None = None

    def configured_by(self, file: Path) -> Self:
        """Return the same stack, with another configuration for its commands in the terminal."""
        other = copy.copy(self)
        other.config_file = file
        return other

    @property
    def directory(self) -> Path:
        """What belongs to the stack on this machine."""
        return paths.stack_dir(self.name)

    @property
    def kubeconfig(self) -> Path:
        """The embedded cluster's credentials."""
        return self.directory / "kubeconfig"

    def require_up(self) -> None:
        """Refuse a stack without a cluster.

        Raises:
            LabError: the stack is not up.
        """
        if not self.kubeconfig.is_file():
            raise LabError(f"stack {self.name} does not stand", f"make up{self.suffix}")

    def exists(self) -> bool:
        """Whether the stack has been made in the backend."""
        if workspace.local_backend():
            return self.state_file.is_file()
        # A list would read the state of every stack of the project.
        try:
            self.export()
        except process.ProcessFailedError as error:
            if "no stack named" not in error.result.stderr:
                raise
            return False
        return True

    def ensure(self) -> None:
        """Make the stack unless it exists; a new one becomes the one that plain `pulumi` works on.

        Its secrets are encrypted with a passphrase, or with what `ISTIO_LAB_SECRETS_PROVIDER` names.
        """
        if not self.exists():
            provider = os.environ.get("ISTIO_LAB_SECRETS_PROVIDER")
            self._capture("stack", "init", self.name, *(("--secrets-provider", provider) if provider else ()))

    @property
    def state_file(self) -> Path:
        """The state, on the local backend; it is there once the stack has been made."""
        return paths.stacks_dir() / f"{self.name}.json"

    def lock(self) -> Lock | None:
        """Who holds the stack, on the local backend; a lock that was cut off while it was written is nobody's."""
        folder = paths.state_dir() / ".pulumi" / "locks" / "organization" / "istio-lab" / self.name
        for file in folder.glob("*.json"):
            try:
                held = json.loads(file.read_text())
                return Lock(pid=int(held["pid"]), since=str(held["timestamp"]))
            except (ValueError, KeyError):
                return Lock(pid=_NOBODY, since="unknown")
        return None

    def require_unlocked(self) -> None:
        """Refuse to start over somebody else's update.

        Raises:
            LabError: the stack is held, with what to do about it.
        """
        if held := self.lock():
            if held.alive:
                raise LabError(
                    f"stack {self.name} is in use by process {held.pid} since {held.since}",
                    "wait for it to end, or end it with Ctrl-C in its own terminal",
                )
            raise LabError(
                f"an update of stack {self.name} (process {held.pid}, {held.since}) was killed in the middle",
                f"put it right with: make recover{self.suffix}",
            )

    @property
    def workspace(self) -> Path:
        """The folder of `Pulumi.yaml` that pulumi is called in: the project's, or one of its own for a class' stack."""
        own = paths.class_workspace(self.name)
        return own if (own / "Pulumi.yaml").is_file() else paths.PROJECT

    @property
    def file(self) -> Path:
        """The stack's configuration, as Pulumi and people edit it."""
        return self.workspace / f"Pulumi.{self.name}.yaml"

    def config(self) -> dict[str, object]:
        """What is configured of the lab's own keys, by their names without the namespace; unchecked."""
        given = yaml.safe_load(self.file.read_text(encoding="utf-8")) if self.file.is_file() else None
        values = (given or {}).get("config") or {}
        return {key.removeprefix(_NAMESPACE): value for key, value in values.items() if key.startswith(_NAMESPACE)}

    @property
    def target(self) -> str:
        """Where the lab stands, by its configuration."""
        return str(self.config().get("target", "embedded"))

    def set_config(self, path: str, value: str) -> None:
        """Set one of the lab's own keys.

        Args:
            path: the key, with what is inside of it behind dots and in brackets.
            value: as `pulumi config set` takes it.
        """
        self._capture("config", "set", "--path", f"{_NAMESPACE}{path}", value, "--stack", self.name)

    @property
    def option(self) -> str:
        """What a `lab` command needs behind it to mean this stack."""
        return "" if self.name == "dev" else f" --stack {self.name}"

    @property
    def suffix(self) -> str:
        """What a `make` command needs behind it to mean this stack."""
        return "" if self.name == "dev" else f" STACK={self.name}"

    def pulumi(self, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
        """Run pulumi in the terminal: its progress is shown, Ctrl-C reaches it, and this process waits for it.

        Args:
            arguments: after `pulumi`.
            environment: added to what pulumi always gets.

        Returns:
            pulumi's exit code.
        """
        variables = {**workspace.environment(), **(environment or {})}
        chosen = ("--config-file", str(self.config_file)) if self.config_file else ()
        return process.interact(_command(*arguments, *chosen), cwd=self.workspace, environment=variables)

    def outputs(self) -> dict[str, str]:
        """The outputs that are one value each; secret ones read `[secret]`."""
        return {name: str(value) for name, value in self.values().items() if not isinstance(value, dict | list)}

    def values(self) -> dict[str, object]:
        """All outputs as Pulumi has them, also those that are more than one value; secret ones read `[secret]`."""
        found = json.loads(self._capture("stack", "output", "--json", "--stack", self.name))
        return {str(name): value for name, value in found.items()}

    def secret_output(self, name: str) -> str:
        """One output, secret or not."""
        return self._capture("stack", "output", name, "--show-secrets", "--stack", self.name).removesuffix("\n")

    def preview(self) -> str:
        """What an update would do, as the JSON that `pulumi preview --json` prints even when it fails."""
        return _run("preview", "--json", "--stack", self.name, folder=self.workspace, check=False).stdout

    def export(self) -> str:
        """The state as JSON, secrets encrypted."""
        return self._capture("stack", "export", "--stack", self.name)

    def last_update(self) -> str:
        """What the last update of the stack was, such as `update` or `destroy`; empty when there was none."""
        found = json.loads(self._capture("stack", "history", "--json", "--page-size", "1", "--stack", self.name))
        return str(found[0]["kind"]) if found else ""

    def import_(self, state: str) -> None:
        """Replace the state."""
        self._capture("stack", "import", "--stack", self.name, stdin=state)

    def cancel(self) -> None:
        """Break the lock that a killed update left."""
        self._capture("cancel", "--yes", "--stack", self.name)

    def _capture(self, *arguments: str, stdin: str = "") -> str:
        return _run(*arguments, folder=self.workspace, stdin=stdin).stdout


def names() -> list[str]:
    """The names of all stacks of this project in the backend, also of those that `lab` could not have made."""
    listed = json.loads(_run("stack", "ls", "--json", folder=paths.PROJECT).stdout)
    return sorted(str(entry["name"]).rsplit("/", 1)[-1] for entry in listed)


def _run(*arguments: str, folder: Path, stdin: str = "", check: bool = True) -> process.Result:
    return process.run(
        [*_command(*arguments), "--non-interactive"],
        environment=workspace.environment(),
        cwd=folder,
        stdin=stdin,
        check=check,
        title=f"pulumi {' '.join(arguments[:2])}",
    )


def _command(*arguments: str) -> list[str]:
    return [str(paths.bin_dir() / "pulumi"), *arguments]
