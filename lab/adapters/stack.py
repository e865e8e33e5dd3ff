"""One Pulumi stack and the commands run on it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab.adapters import backend, locks, process, pulumi_cli, stack_file, state_damage, workspace
from lab.adapters.state_files import StateFiles
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.adapters.locks import Lock
    from lab.adapters.state_damage import Damage

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Stricter than Pulumi's own rule: the name also becomes a folder and a part of Azure names."""


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
        self._seen = False
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
        self.require_readable()
        if self.kubeconfig.is_file():
            return
        if self.target == "embedded" and (found := self.files) and found.file.is_file() and found.read().resources:
            raise LabError(
                f"stack {self.name} stands by its state, but {self.kubeconfig} is gone",
                f"take down what is left and begin anew: make down{self.suffix} && make up{self.suffix}",
            )
        raise LabError(f"stack {self.name} does not stand", f"make up{self.suffix}")

    def exists(self) -> bool:
        """Whether the stack has been made in the backend."""
        if backend.local():
            return self.state_file.is_file()
        # Elsewhere the answer takes a second, and a stack that was there is asked about again and again.
        self._seen = self._seen or self.state() is not None
        return self._seen

    def state(self) -> str | None:
        """The state as JSON, secrets encrypted; None for a stack that the backend does not have.

        Raises:
            LabError: the backend cannot be used.
        """
        self.require_readable()
        if backend.local() and not self.state_file.is_file():
            return None
        # A list would read the state of every stack of the project.
        try:
            return self.export()
        except backend.NoSuchStackError:
            return None

    def ensure(self) -> None:
        """Make the stack unless it exists; a new one becomes the one that plain `pulumi` works on.

        Its secrets are encrypted with a passphrase, or with what `ISTIO_LAB_SECRETS_PROVIDER` names.
        """
        if self.exists():
            return
        stack_file.read(self.file)  # pulumi writes into it
        provider = os.environ.get("ISTIO_LAB_SECRETS_PROVIDER")
        self._capture("stack", "init", self.name, *(("--secrets-provider", provider) if provider else ()))

    def require_secrets(self) -> None:
        """Refuse a passphrase or a key service that cannot encrypt for this stack.

        Raises:
            LabError: with the variable and what to do.
        """
        with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
            copy = Path(folder) / self.file.name
            copy.write_bytes(self.file.read_bytes() if self.file.is_file() else b"")
            probe = ("config", "set", "--secret", f"{stack_file.NAMESPACE}probe", "nothing", "--config-file", str(copy))
            self._capture(*probe, "--stack", self.name)

    @property
    def files(self) -> StateFiles | None:
        """The files of its state, on a file backend."""
        root = backend.folder()
        return StateFiles(root=root, stack=self.name) if root else None

    @property
    def state_file(self) -> Path:
        """The state, on a file backend; on the project's own it is there once the stack has been made."""
        return (self.files or StateFiles(root=paths.state_dir(), stack=self.name)).file

    def damage(self) -> Damage | None:
        """The damage to its state files, on a file backend."""
        found = self.files
        return state_damage.of(found, directory=self.directory, target=lambda: self.target) if found else None

    def require_readable(self) -> None:
        """Refuse a state that is broken or lost.

        Raises:
            LabError: with what is lost, and what to do.
        """
        if damage := self.damage():
            raise damage.error(self.name, self.suffix)

    def lock(self) -> Lock | None:
        """The holder of the stack, on a file backend; one that may be at work comes before one that is gone."""
        return locks.held(found.locks, here=self._here) if (found := self.files) else None

    def in_use(self) -> bool:
        """Whether somebody works on the stack, as far as that can be seen."""
        held = self.lock()
        return held is not None and held.alive

    def require_unlocked(self) -> None:
        """Refuse to start over somebody else's update.

        Raises:
            LabError: the stack is held, with what to do about it.
        """
        self.require_idle()
        if held := self.lock():
            raise LabError(
                f"an update of stack {self.name} ({held.holder}, {held.since}) was killed in the middle",
                f"put it right with: make recover{self.suffix}",
            )

    def require_idle(self) -> None:
        """Refuse to work on a stack on which somebody else may be at work.

        Raises:
            LabError: with who it is.
        """
        held = self.lock()
        if held and held.alive:
            raise LabError(f"stack {self.name} is in use by {held.holder} since {held.since}", held.patience(self.name))

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
        return stack_file.settings(self.file, self.name)

    @property
    def target(self) -> str:
        """Where the lab stands, by its configuration."""
        return str(stack_file.settings(self.file, self.name, "target").get("target", "embedded"))

    def set_config(self, path: str, value: str) -> None:
        """Set one of the lab's own keys.

        Args:
            path: the key, with what is inside of it behind dots and in brackets.
            value: as `pulumi config set` takes it.
        """
        self._capture("config", "set", "--path", f"{stack_file.NAMESPACE}{path}", value, "--stack", self.name)

    @property
    def option(self) -> str:
        """What a `lab` command needs behind it to mean this stack."""
        return "" if self.name == "dev" else f" --stack {self.name}"

    @property
    def suffix(self) -> str:
        """What a `make` command needs behind it to mean this stack."""
        return "" if self.name == "dev" else f" STACK={self.name}"

    def pulumi(
        self, *arguments: str, environment: Mapping[str, str] | None = None, run: Callable[..., int] | None = None
    ) -> int:
        """Run pulumi in the terminal: its progress is shown, Ctrl-C reaches it, and this process waits for it.

        Args:
            arguments: after `pulumi`.
            environment: added to what pulumi always gets.
            run: runs it in another way than in the terminal, and returns its exit code.
        """
        variables = {**workspace.environment(), **(environment or {})}
        chosen = ("--config-file", str(self.config_file)) if self.config_file else ()
        with self._without_salt():
            call = run or process.interact
            return call(pulumi_cli.command(*arguments, *chosen), cwd=self.workspace, environment=variables)

    def outputs(self) -> dict[str, str]:
        """The outputs that are one value each; secret ones read `[secret]`."""
        return {name: str(value) for name, value in self.values().items() if not isinstance(value, dict | list)}

    def values(self) -> dict[str, object]:
        """All outputs as Pulumi has them, also those that are more than one value; secret ones read `[secret]`."""
        self.require_readable()
        found = json.loads(self._capture("stack", "output", "--json", "--stack", self.name))
        return {str(name): value for name, value in found.items()}

    def secret_output(self, name: str) -> str:
        """One output, secret or not."""
        self.require_readable()
        return self._capture("stack", "output", name, "--show-secrets", "--stack", self.name).removesuffix("\n")

    def preview(self) -> str:
        """What an update would do, as the JSON that `pulumi preview --json` prints even when it fails."""
        with self._without_salt():
            return pulumi_cli.run("preview", "--json", "--stack", self.name, folder=self.workspace, check=False).stdout

    def export(self) -> str:
        """The state as JSON, secrets encrypted."""
        self.require_readable()
        return self._capture("stack", "export", "--stack", self.name)

    def last_update(self) -> str:
        """What the last update of the stack was, such as `update` or `destroy`; empty when there was none."""
        found = json.loads(self._capture("stack", "history", "--json", "--page-size", "1", "--stack", self.name))
        return str(found[0]["kind"]) if found else ""

    def import_(self, state: str) -> None:
        """Replace the state."""
        self._capture("stack", "import", "--stack", self.name, stdin=state)

    def cancel(self) -> None:
        """Break the locks that killed updates left."""
        if found := self.files:
            # Pulumi would ask for the state first, which may be what is broken, and break a lock that is in use too.
            locks.remove(found.locks, here=self._here)
        else:
            self._capture("cancel", "--yes", "--stack", self.name)

    @property
    def _here(self) -> str:
        """Name of this machine in locks; the project's own folder is on it, whatever its name was then."""
        return "" if backend.local() else socket.gethostname()

    def _is_embedded(self) -> bool:
        """True if its settings put the lab on this machine alone; settings that cannot be read say nothing."""
        try:
            return self.target == "embedded"
        except LabError:
            return False

    @contextlib.contextmanager
    def _without_salt(self) -> Iterator[None]:
        """Leave the salt of the project's own passphrase to the state alone, though pulumi writes it into the file too.

        There it would be a change for git, and pulumi would refuse one that another backend's passphrase has left.
        """
        if not backend.local() or self.workspace != paths.PROJECT:
            yield
            return
        workspace.forget_salt(self.file)
        before = self.file.read_bytes() if self.file.is_file() else b""
        try:
            yield
        finally:
            workspace.forget_salt(self.file)
            workspace.restore_cut(self.file, before)

    def _capture(self, *arguments: str, stdin: str = "") -> str:
        try:
            with self._without_salt():
                return pulumi_cli.run(*arguments, folder=self.workspace, stdin=stdin).stdout
        except process.ProcessFailedError as error:
            text = error.result.stderr
            known = backend.explained(text, stack=self.name, settings=self.file.name, embedded=self._is_embedded())
            if known is None and not backend.local() and arguments[:2] == ("stack", "export"):
                known = backend.unusable(text)
            if known is None:
                raise
            raise known from error


def names() -> list[str]:
    """The names of all stacks of this project in the backend, also of those that `lab` could not have made."""
    try:
        listed = json.loads(pulumi_cli.run("stack", "ls", "--json", folder=paths.PROJECT).stdout)
    except process.ProcessFailedError as error:
        if backend.local():
            raise
        text = error.result.stderr
        raise (backend.explained(text, stack="", settings="") or backend.unusable(text)) from error
    return sorted(str(entry["name"]).rsplit("/", 1)[-1] for entry in listed)
