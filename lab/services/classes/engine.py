"""Pulumi's engine for one stack of a class, by the Automation API."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

from lab.adapters import workspace
from lab.core import paths
from lab.core.errors import LabError
from lab.services.classes import memory
from lab.services.classes.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lab.services.classes.provider import SharedProvider

_RESOURCE = r"^ [-+~>=*! ]{1,3} *[\w./:-]+:\S* (?P<name>\S+) "
_DONE = re.compile(_RESOURCE + r"(?P<what>created|updated|deleted|replaced|refreshed)\b")
_WAITING = re.compile(
    _RESOURCE + r"(?:creating|updating|deleting)(?: replacement| original)? \([\d.]+m?s\) (?P<what>\S.*)"
)
"""What pulumi says of a resource that it is done with, and of one that takes its time."""

_ERROR = "error: "

_LONGEST_REASON = 300
"""Characters of a reason that is shown; the whole of it is in the log."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What an engine has just said.

    Attributes:
        done: how many resources it is done with.
        text: about one of them.
    """

    done: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One stack to be worked on.

    Attributes:
        stack: its name.
        folder: its workspace.
        log: where all that pulumi says goes.
        told: is called with each step, from another thread.
        ready: is called once the engine has started, before the program declares anything; it may take its time.
        providers: shared with others; without any it has its own.
    """

    stack: str
    folder: Path
    log: Path
    told: Callable[[Progress], None]
    ready: Callable[[], None] = lambda: None
    providers: Sequence[SharedProvider] = ()


class Engines:
    """Starts engines, and can ask all that run to stop."""

    def __init__(self, *, azure: bool) -> None:
        """Make this process ready: its environment becomes that which pulumi always gets, and the program is read.

        Args:
            azure: whether any stack is one of Azure.
        """
        os.environ.update(workspace.environment())
        if workspace.local_backend():
            os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
        self._command = _Command(str(paths.home()))
        self._host = Host(azure=azure)

    def up(self, job: Job) -> None:
        """Make a stack what its folder says.

        Raises:
            LabError: it failed; the reason is the first error of the engine.
        """
        self._run(job, lambda stack, **options: stack.up(**options, suppress_outputs=True))

    def make(self, job: Job) -> None:
        """Make a stack with nothing in it, which the backend does not know yet.

        Raises:
            LabError: it failed.
        """
        try:
            self._place(job).create_stack(job.stack)
        except auto.CommandError as error:
            raise LabError(reason(str(error))) from None

    def preview(self, job: Job) -> None:
        """Find out what an update would do, and do nothing.

        Raises:
            LabError: it would fail; the reason is the first error of the engine.
        """
        self._run(job, lambda stack, **options: stack.preview(**options, suppress_outputs=True))

    def destroy(self, job: Job) -> None:
        """Take everything of a stack away, and then the stack.

        Raises:
            LabError: it failed; the reason is the first error of the engine.
        """

        def both(stack: auto.Stack, **options: Any) -> None:  # noqa: ANN401 - the Automation API's
            stack.destroy(**options, suppress_outputs=True)
            stack.workspace.remove_stack(stack.name, preserve_config=True)

        self._run(job, both)

    def forget(self, job: Job) -> None:
        """Drop the state of a stack whose resources are all gone with the cluster that they were in.

        Raises:
            LabError: it failed.
        """
        self._place(job).remove_stack(job.stack, force=True, preserve_config=True)

    def interrupt(self) -> None:
        """Ask every engine that runs to stop after what it is at; a second time it stops at once."""
        self._command.interrupt()

    def _run(self, job: Job, verb: Callable[..., object]) -> None:
        for provider in job.providers:
            provider.ensure()
        done = 0

        def listen(line: str) -> None:
            nonlocal done
            _write(log, line)
            done += _DONE.match(line) is not None
            if text := said(line):
                job.told(Progress(done=done, text=text))

        job.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with job.log.open("a", encoding="utf-8") as log:
            stack = _Stack(job.stack, self._place(job))
            try:
                verb(stack, color="never", on_output=listen)
            except auto.CommandError as error:
                raise LabError(reason(str(error)), f"all that pulumi said is in {job.log}") from None

    def _place(self, job: Job) -> auto.LocalWorkspace:
        environment = {
            "PYTHONPATH": str(paths.PROJECT),
            "GOGC": memory.GOGC,
            "PULUMI_HOME": str(pulumi_home()),
            # On a fresh machine the folder has no key yet; the state has.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }
        if job.providers:
            attached = (f"{provider.name}:{provider.port}" for provider in job.providers)
            environment["PULUMI_DEBUG_PROVIDERS"] = ",".join(attached)
        return auto.LocalWorkspace(
            work_dir=str(job.folder),
            program=lambda: self._host.run(job.ready),
            env_vars=environment,
            secrets_provider=os.environ.get("ISTIO_LAB_SECRETS_PROVIDER"),
            pulumi_command=self._command,
        )


class _Stack(auto.Stack):
    """Opened without `pulumi stack select`: every command names its stack."""

    def __init__(self, name: str, place: auto.LocalWorkspace) -> None:
        self.name = name
        self.workspace = place

    def outputs(self) -> auto.OutputMap:
        """None: two more commands, and nobody here looks at them."""
        return {}

    def info(self, show_secrets: bool | None = None) -> auto.UpdateSummary:  # noqa: ARG002, FBT001 - the SDK's
        """Next to nothing: one more command, which decrypts every secret of the stack, and nobody here looks at it."""
        from datetime import UTC, datetime

        return auto.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


class _Command(auto.PulumiCommand):
    """Pulumi in sessions of their own: Ctrl-C in a terminal reaches this process, which then decides for all."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def interrupt(self) -> None:
        with self._lock:
            self._stopping = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> auto.CommandResult:
        """Run pulumi and wait for it."""
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        with self._lock:
            if self._stopping:
                raise LabError("it was not begun: everything stops")
            process = subprocess.Popen(
                [self.command, "--non-interactive", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        listeners = {"stdout": on_output, "stderr": on_error}

        def consume(name: str) -> None:
            for line in getattr(process, name):
                said[name].append(line.rstrip())
                if listener := listeners[name]:
                    listener(line.rstrip())

        readers = [threading.Thread(target=consume, args=(name,)) for name in said]
        with process:
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
        with self._lock:
            self._running.discard(process)
        if process.returncode < 0:
            raise LabError(f"pulumi was ended by {signal.Signals(-process.returncode).name}")
        result = auto.CommandResult(
            stdout="\n".join(said["stdout"]), stderr="\n".join(said["stderr"]), code=process.returncode
        )
        if result.code:
            raise create_command_error(result)
        return result


def pulumi_home() -> Path:
    """Pulumi's home for classes: the same plugins, no selected stack of anybody's, and no log.

    The engine writes everything that it handles into a log below this folder, a tenth of its work; where that cannot be
    a folder it goes on without. What it says is in the students' own logs.
    """
    home = paths.class_dir() / "pulumi"
    if not (home / "logs").is_file():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "logs").touch()
    plugins = home / "plugins"
    with contextlib.suppress(FileExistsError):
        plugins.symlink_to(os.path.relpath(paths.pulumi_home() / "plugins", home))
    return home


def said(line: str) -> str:
    """What a line of pulumi's means to somebody who waits; empty for nothing.

    Args:
        line: of its plain progress.
    """
    if found := _DONE.match(line) or _WAITING.match(line):
        return f"{found['name']}: {found['what']}"
    return ""


def reason(text: str) -> str:
    """Why pulumi failed: the first error that it names, in one line.

    Args:
        text: all that it said.
    """
    # The Automation API says of the first line of each of both where it is from.
    lines = [" ".join(re.sub(r"^ std(?:out|err): ", "", line).split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    errors = [_error(lines[at:]) for at, line in enumerate(lines) if line.startswith(_ERROR)]
    # It ends every failure with this; the cause is another.
    causes = [line for line in errors if not re.fullmatch(r"(?:update|preview|destroy) failed", line)]
    found = (causes or errors or lines[-1:] or ["pulumi ended without a word"])[0]
    return found if len(found) <= _LONGEST_REASON else f"{found[:_LONGEST_REASON]}..."


def _error(lines: list[str]) -> str:
    """An error that begins in the first of some lines; one that ends with a colon says in the next what it is."""
    found = lines[0].removeprefix(_ERROR)
    for line in lines[1:]:
        if not found.endswith(":") or line.startswith(_ERROR):
            break
        found = f"{found} {line.removeprefix('* ')}"
    return found


def _write(log: Any, line: str) -> None:  # noqa: ANN401 - a text file
    log.write(f"{line}\n")
    log.flush()
