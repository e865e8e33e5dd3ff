"""The life of a lab: the only `up`, `preview` and `down`, for a person and for a class."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab import toolchain
from lab.adapters import backend, files, workspace
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import error_catalog, plugin
from lab.platforms.azure.cost import limit
from lab.platforms.embedded import claim, remains
from lab.services import azure_updates, engine_output, half_made, recovery, state_repair
from lab.services.audit import record
from lab.services.standing import healing
from lab.settings import Settings, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.adapters.stack import Stack
    from lab.core.progress import Progress

_ONE_AT_A_TIME = threading.Lock()
"""Stacks of a class share the tools that are brought for them."""


class UpdateError(LabError):
    """An update that the engine did not finish.

    Attributes:
        engine_errors: the engine's error messages.
    """

    def __init__(self, message: str, remedy: str = "", *, engine_errors: str = "") -> None:
        super().__init__(message, remedy)
        self.engine_errors = engine_errors


class Engine(Protocol):
    """Runs Pulumi's operations on a stack; each raises `UpdateError` when Pulumi fails."""

    def up(self, stack: Stack) -> None:
        """Run `pulumi up`."""

    def refresh(self, stack: Stack, urns: Sequence[str]) -> None:
        """Run `pulumi refresh` on a few resources."""

    def preview(self, stack: Stack) -> None:
        """Run `pulumi preview`."""

    def destroy(self, stack: Stack) -> None:
        """Run `pulumi destroy`."""


class TerminalEngine:
    """Pulumi in the user's terminal, with its own progress display."""

    def up(self, stack: Stack) -> None:
        """Run `pulumi up`."""
        self._update(stack, "up", "--yes", "--skip-preview")

    def refresh(self, stack: Stack, urns: Sequence[str]) -> None:
        """Run `pulumi refresh` on a few resources."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._update(stack, "refresh", "--yes", "--skip-preview", "--suppress-outputs", *targets)

    def preview(self, stack: Stack) -> None:
        """Run `pulumi preview`."""
        _require_success(stack, "preview", stack.pulumi("preview", "--stack", stack.name))

    def destroy(self, stack: Stack) -> None:
        """Run `pulumi destroy`."""
        self._update(stack, "destroy", "--yes", "--skip-preview")

    def _update(self, stack: Stack, *command: str) -> None:
        if stack.target != Target.AZURE:
            _require_success(stack, command[0], engine_output.pulumi(stack, *command, "--stack", stack.name))
            return
        with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
            log = Path(folder) / "events.json"
            # The option exists only with this variable; the progress display stays the same.
            debug = {"PULUMI_DEBUG_COMMANDS": "true"}
            words = (*command, "--stack", stack.name, f"--event-log={log}")
            code = engine_output.pulumi(stack, *words, environment=debug)
            errors = error_catalog.error_messages(log.read_text(encoding="utf-8")) if code and log.is_file() else ""
        _require_success(stack, command[0], code, errors)


def explain_failure(operation: Callable[[Stack], None], stack: Stack) -> None:
    """Run an engine's operation; raise an error that Azure is known for with its cause and remedy."""
    try:
        operation(stack)
    except UpdateError as error:
        found = error_catalog.explain(error.engine_errors) if stack.target == Target.AZURE else None
        if found is None:
            raise
        command = f"{found.command}{stack.option}" if found.command.startswith("lab ") else found.command
        raise error_catalog.KnownError(found, command) from error


def prepare(progress: Progress, *more_tools: str, look_again: bool = False) -> None:
    """Bring the tools, charts and manifests, and make the project's working folder.

    Args:
        progress: shows what takes long.
        more_tools: tools beyond those that every lab needs.
        look_again: try dashboards again that could not be had before.
    """
    files.require_writable(paths.home())
    toolchain.ensure((*toolchain.DEFAULT, *more_tools), progress=progress)
    toolchain.offer()
    toolchain.bring_artifacts(progress, look_again=look_again)
    workspace.prepare()


def prepare_optional(progress: Progress) -> None:
    """Try to bring the tools that only some tests run, and report which tests are left out without them."""
    for name in toolchain.OPTIONAL:
        if cause := toolchain.attempt(name, progress):
            progress.line(f"{cause}. The tests in tests/observability that run {name} are skipped.")


def up(stack: Stack, engine: Engine, progress: Progress, *, allow_replace: bool = False) -> None:
    """Create or update a lab.

    Raises:
        LabError: a safety check refuses it, or the update fails.
    """
    half_made.wait_for_engine(stack, progress.line)
    if state_repair.has_vanished(stack):
        progress.line(
            f"nothing of the lab is left in {stack.directory}, as after a killed `down`; all of it is made anew"
        )
        clear(stack, progress.line)
    state_repair.require_sound(stack, progress.line)
    if recovery.half_done(stack):
        recovery.recover(stack, progress.line)
    stack.ensure()
    record.before_up(stack)
    if stack.target == Target.AZURE:
        _prepare_azure(stack, progress)
    with azure_updates.replacing(stack, allowed=allow_replace) as chosen:
        healing.up(chosen, engine, progress, lambda: _update(chosen, engine, progress))
    if stack.target == Target.AZURE:
        azure_updates.keep_kubeconfig(stack)


def _update(stack: Stack, engine: Engine, progress: Progress) -> None:
    with azure_updates.without_budget(progress.line):
        explain_failure(engine.up, stack)


def preview(stack: Stack, engine: Engine, progress: Progress) -> None:
    """Show what `up` would do, and change nothing."""
    prepare_preview(stack, progress)
    engine.preview(stack)


def prepare_preview(stack: Stack, progress: Progress) -> None:
    """Make the stack unless it exists, and bring what its preview needs.

    Raises:
        LabError: something that the preview needs cannot be had.
    """
    state_repair.require_sound(stack, progress.line)
    stack.ensure()
    if stack.target == Target.AZURE:
        _prepare_azure(stack, progress)


def down(stack: Stack, engine: Engine, progress: Progress | None = None) -> bool:
    """Destroy a lab: every resource, process, port and file. The tools stay in the cache.

    Args:
        stack: one that the backend does not have is only swept from this machine.
        engine: destroys its resources.
        progress: shows what takes long of the preparations; without it everything is prepared already.

    Returns:
        Whether the backend has the stack.

    Raises:
        LabError: somebody works on it, another backend keeps the lab, or something cannot be removed.
    """
    say = progress.line if progress else _be_silent
    half_made.wait_for_engine(stack, say)
    stack.require_idle()
    if state_repair.is_lost(stack) or (progress and state_repair.has_lost_pulumi(stack)):
        claim.require_removable(stack.directory, suffix=stack.suffix)
        return clear(stack, say)
    # What never was made in the project's own folder needs no tools to be taken down.
    if progress and (stack.exists() if backend.local() else True):
        prepare(progress)
    state_repair.restore(stack, say)
    state = stack.state()
    if state is None or recovery.embedded(json.loads(state)) is None:
        claim.require_removable(stack.directory, suffix=stack.suffix)
    if state is not None:
        state_repair.release_for_removal(stack, say)
        record.before_down(stack, state)
        if stack.target == Target.AZURE:
            azure_updates.before_destroy(stack)
        try:
            explain_failure(engine.destroy, stack)
        except backend.PassphraseError as error:
            if not state_repair.is_only_here(stack):
                raise
            say(error.message)
            return clear(stack, say)
    _remove_from_machine(stack)
    if state is not None:
        record.require_empty(stack)
    return state is not None


def _be_silent(_: str) -> None:
    """Take the place of a progress display."""


def clear(stack: Stack, say: Callable[[str], None]) -> bool:
    """Remove a lab that is on this machine alone without its state, which cannot be used; return True."""
    say(f"stack {stack.name} is on this machine alone, so it is removed without the help of its state")
    _remove_from_machine(stack)
    state_repair.forget(stack, say)
    return True


def _remove_from_machine(stack: Stack) -> None:
    sweep(stack)
    record.sweep(stack)
    if stack.files:
        stack.cancel()


def sweep(stack: Stack) -> int:
    """End the processes of a stack and delete its folder, whatever its state says; return how many ran.

    Raises:
        LabError: a process or a file cannot be removed.
    """
    ended = remains.end(stack.directory)
    if stack.directory.exists():
        files.delete(stack.directory)
    return len(ended)


def tools_for(stack: Stack) -> tuple[str, ...]:
    """Return the tools that only this stack's settings need."""
    config = stack.config()
    if "rollouts" not in config or stack.target != Target.EMBEDDED:
        return ()
    analysed = Settings.from_mapping(config, source=stack.file.name, stack=stack.name).rollouts.delivery.analysed
    return ("prometheus",) if analysed else ()


def recover(stack: Stack, engine: Engine, progress: Progress) -> None:
    """Repair a lab whose `up` or `down` was killed, then bring it up."""
    state_repair.restore(stack, progress.line)
    stack.ensure()
    state_repair.require_passphrase(stack)
    recovery.recover(stack, progress.line)
    up(stack, engine, progress)


def _prepare_azure(stack: Stack, progress: Progress) -> None:
    limit.hold(azure_updates.standing(stack), stack=stack.name)
    with _ONE_AT_A_TIME:
        plugin.ensure(progress)
        azure_updates.bring_kubelogin(stack)
    if added := azure_updates.allow_caller(stack):
        progress.line(
            f"Only you ({added}) can reach the API server: istio-lab:{azure_updates.RANGES} in {stack.file.name}"
        )


def _require_success(stack: Stack, operation: str, code: int, engine_errors: str = "") -> None:
    if not code:
        return
    # The engine has said that a passphrase is wrong, but not which variable has it.
    state_repair.require_passphrase(stack)
    files.require_writable(paths.home())
    raise UpdateError(
        f"pulumi ended with exit code {code}; its messages are above",
        f"run the command again; {_if_it_fails_again(stack, operation)}",
        engine_errors=engine_errors,
    )


def _if_it_fails_again(stack: Stack, operation: str) -> str:
    if backend.folder() is None:
        cancel = f"pulumi cancel --yes --stack {stack.name}"
        return f"if it says that the stack is locked and nobody works on it: {cancel}"
    if not state_repair.is_only_here(stack):
        return "if it ends so again, correct what the messages name"
    if operation == "destroy":
        return "if it ends so again, remove every lab of this folder: make clean"
    return f"if it ends so again, begin anew: make down{stack.suffix} && make up{stack.suffix}"
