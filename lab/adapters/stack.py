"""One Pulumi stack and the commands run on it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import yaml

from lab.adapters import backend, process, workspace
from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Stricter than Pulumi's own rule: the name also becomes a folder and a part of Azure names."""

_NAMESPACE = "istio-lab:"
"""Before each of the lab's own keys in a stack's configuration."""

_NOBODY = 2**31 - 1
"""Above every system's greatest process id."""

_PROJECT = "istio-lab"
_NO_ORGANIZATION = "organization"
"""What a backend that knows no organizations calls the only one."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Who holds a stack of a file backend.

    Attributes:
        pid: process id on that machine.
        since: when it took the lock, as Pulumi wrote it.
        host: name of another machine; empty for this one.
    """

    pid: int
    since: str
    host: str = ""

    @property
    def holder(self) -> str:
        """The process as messages call it."""
        return f"process {self.pid} on {self.host}" if self.host else f"process {self.pid}"

    @property
    def alive(self) -> bool:
        """Whether that process still runs; after a reboot its number may belong to a stranger.

        One on another machine cannot be seen from here and so counts as alive.
        """
        if self.host:
            return True
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
        if not self.kubeconfig.is_file():
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
            probe = ("config", "set", "--secret", f"{_NAMESPACE}probe", "nothing", "--config-file", str(copy))
            self._capture(*probe, "--stack", self.name)

    @property
    def state_file(self) -> Path:
        """The state, on a file backend; on the project's own it is there once the stack has been made."""
        root = backend.folder() or paths.state_dir()
        return root / ".pulumi" / "stacks" / _PROJECT / f"{self.name}.json"

    def lock(self) -> Lock | None:
        """Who holds the stack, on a file backend; a lock that was cut off while it was written is nobody's."""
        if (root := backend.folder()) is None:
            return None
        for file in (root / ".pulumi" / "locks" / _NO_ORGANIZATION / _PROJECT / self.name).glob("*.json"):
            try:
                held = json.loads(file.read_text(encoding="utf-8"))
                host = str(held.get("hostname") or "")
                # The project's own folder is on this machine, whatever its name was then.
                elsewhere = not backend.local() and host not in ("", socket.gethostname())
                return Lock(pid=int(held["pid"]), since=str(held["timestamp"]), host=host if elsewhere else "")
            except (ValueError, KeyError, AttributeError):
                return Lock(pid=_NOBODY, since="unknown")
        return None

    def in_use(self) -> bool:
        """Whether somebody works on the stack, as far as that can be seen."""
        held = self.lock()
        return held is not None and held.alive

    def require_unlocked(self) -> None:
        """Refuse to start over somebody else's update.

        Raises:
            LabError: the stack is held, with what to do about it.
        """
        if held := self.lock():
            if held.alive:
                raise LabError(f"stack {self.name} is in use by {held.holder} since {held.since}", self.patience(held))
            raise LabError(
                f"an update of stack {self.name} (process {held.pid}, {held.since}) was killed in the middle",
                f"put it right with: make recover{self.suffix}",
            )

    def patience(self, held: Lock) -> str:
        """What to do about a lock whose holder may be at work."""
        if held.host:
            return f"wait for it to end; if it was killed there: pulumi cancel --yes --stack {self.name}"
        return "wait for it to end, or end it with Ctrl-C in its own terminal"

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
        with self._without_salt():
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
        with self._without_salt():
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

    @contextlib.contextmanager
    def _without_salt(self) -> Iterator[None]:
        """Leave the salt of the project's own passphrase to the state alone, though pulumi writes it into the file too.

        There it would be a change for git, and pulumi would refuse one that another backend's passphrase has left.
        """
        own = backend.local() and self.workspace == paths.PROJECT
        if own:
            workspace.forget_salt(self.file)
        try:
            yield
        finally:
            if own:
                workspace.forget_salt(self.file)

    def _capture(self, *arguments: str, stdin: str = "") -> str:
        try:
            with self._without_salt():
                return _run(*arguments, folder=self.workspace, stdin=stdin).stdout
        except process.ProcessFailedError as error:
            text = error.result.stderr
            known = backend.explained(text, stack=self.name, settings=self.file.name)
            if known is None and not backend.local() and arguments[:2] == ("stack", "export"):
                known = backend.unusable(text)
            if known is None:
                raise
            raise known from error


def names() -> list[str]:
    """The names of all stacks of this project in the backend, also of those that `lab` could not have made."""
    try:
        listed = json.loads(_run("stack", "ls", "--json", folder=paths.PROJECT).stdout)
    except process.ProcessFailedError as error:
        if backend.local():
            raise
        text = error.result.stderr
        raise (backend.explained(text, stack="", settings="") or backend.unusable(text)) from error
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
