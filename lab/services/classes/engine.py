"""Pulumi for the stacks of a class, by the Automation API: output goes to a log for each stack."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from pulumi import automation as auto

from lab.adapters import backend, files, workspace
from lab.core import paths
from lab.services.lifecycle import UpdateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.adapters.stack import Stack

_RESOURCE = r"^ [-+~>=*! ]{1,3} *[\w./:-]+:\S* (?P<name>\S+) "
_DONE = re.compile(_RESOURCE + r"(?P<what>created|updated|deleted|replaced|refreshed)\b")
_WAITING = re.compile(
    _RESOURCE + r"(?:creating|updating|deleting)(?: replacement| original)? \([\d.]+m?s\) (?P<what>\S.*)"
)
"""Matches Pulumi's finished and still-running progress lines."""

_ENVIRONMENT = {
    # Engines and providers live for seconds: collecting garbage seldom saves a tenth of their work.
    "GOGC": "400",
}

_ERROR = "error: "

_MAX_REASON = 300
"""Characters of a reason that are shown; the log has the rest."""


def command() -> auto.PulumiCommand:
    """Return the project's pulumi, and make this process's environment the one that pulumi always gets.

    A command of the Automation API can add variables to this process's environment, but not take any away.
    """
    environment = workspace.environment()
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    return auto.PulumiCommand(str(paths.home()))


@dataclass(frozen=True, kw_only=True)
class AutomationEngine:
    """Runs Pulumi's operations on one stack.

    Attributes:
        command: the project's pulumi.
        log: receives all of pulumi's output.
        on_step: called with each step, from another thread.
    """

    command: auto.PulumiCommand
    log: Path
    on_step: Callable[[str], None]

    def up(self, stack: Stack) -> None:
        """Run `pulumi up`."""
        self._run(stack, "up", "--yes", "--skip-preview", "--suppress-outputs")

    def refresh(self, stack: Stack, urns: Sequence[str]) -> None:
        """Run `pulumi refresh` on a few resources."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run(stack, "refresh", "--yes", "--skip-preview", "--suppress-outputs", *targets)

    def preview(self, stack: Stack) -> None:
        """Run `pulumi preview`."""
        self._run(stack, "preview", "--suppress-outputs")

    def destroy(self, stack: Stack) -> None:
        """Run `pulumi destroy`, and remove the stack."""
        self._run(stack, "destroy", "--yes", "--skip-preview", "--suppress-outputs")
        self._run(stack, "stack", "rm", "--yes", "--preserve-config")

    def prune_state(self, stack: Stack) -> None:
        """Remove a stack whose resources went with the cluster that they were in."""
        self._run(stack, "stack", "rm", "--yes", "--preserve-config", "--force")

    def _run(self, stack: Stack, *arguments: str) -> None:
        done = 0
        files.folder(self.log.parent)
        files.append(self.log).close()
        with self.log.open("a", encoding="utf-8", buffering=1) as log:

            def listen(line: str) -> None:
                nonlocal done
                log.write(f"{line}\n")
                done += _DONE.match(line) is not None
                if text := step_text(line):
                    self.on_step(f"{done} done, {text}")

            words = [*arguments, "--stack", stack.name, "--color", "never"]
            try:
                self.command.run(words, str(stack.workspace), _ENVIRONMENT, on_output=listen)
            except auto.CommandError as error:
                if found := backend.explained(str(error), stack=stack.name, settings=stack.file.name):
                    raise UpdateError(found.message, found.remedy, engine_errors=str(error)) from None
                raise UpdateError(reason(str(error)), engine_errors=str(error)) from None


def interrupt() -> None:
    """Ask every engine of this process to finish its operations and stop; asked again, it stops at once."""
    for child in psutil.Process().children():
        try:
            if child.name() == "pulumi":
                child.send_signal(signal.SIGINT)
        except psutil.Error:
            continue


def step_text(line: str) -> str:
    """Return what a line of pulumi's progress says about a resource; empty for other lines."""
    if found := _DONE.match(line) or _WAITING.match(line):
        return f"{found['name']}: {found['what']}"
    return ""


def reason(text: str) -> str:
    """Return the first error in a failed command's output, in one line."""
    # The Automation API puts a label before the first line of each stream, and the exit code before both.
    lines = [" ".join(re.sub(r"^ std(?:out|err): ", "", line).split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    if killed := re.match(r"\s*code: -(\d+)$", text, re.MULTILINE):
        return f"pulumi was ended by {signal.Signals(int(killed[1])).name}"
    errors = [_error(lines[at:]) for at, line in enumerate(lines) if line.startswith(_ERROR)]
    # Every failed operation also ends with this line, which is never the cause.
    causes = [line for line in errors if not re.fullmatch(r"(?:update|preview|destroy) failed", line)]
    found = (causes or errors or lines[-1:] or ["pulumi ended without a message"])[0]
    return found if len(found) <= _MAX_REASON else f"{found[:_MAX_REASON]}..."


def _error(lines: list[str]) -> str:
    """Return the error that begins in the first line; one that ends with a colon continues in the next line."""
    found = lines[0].removeprefix(_ERROR)
    for line in lines[1:]:
        if not found.endswith(":") or line.startswith(_ERROR):
            break
        found = f"{found} {line.removeprefix('* ')}"
    return found
