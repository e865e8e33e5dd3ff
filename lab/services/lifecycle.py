"""The life of a lab: the only `up`, `preview` and `down`, for a person and for a class."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab import toolchain
from lab.adapters import workspace
from lab.adapters.stack import Stack
from lab.core import paths
from lab.core.errors import LabError
from lab.platforms.azure import error_catalog, plugin, power
from lab.platforms.dataplane import lifecycle as dataplane
from lab.platforms.embedded import control_plane, istiod, rollouts
from lab.services import azure_updates, recovery
from lab.services.audit import record
from lab.services.cost import limit
from lab.settings import Settings, Target

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def preview(self, stack: Stack) -> None:
        """Run `pulumi preview`."""

    def destroy(self, stack: Stack) -> None:
        """Run `pulumi destroy`."""


class TerminalEngine:
    """Pulumi in the user's terminal, with its own progress display."""

    def up(self, stack: Stack) -> None:
        """Run `pulumi up`."""
        self._update(stack, "up", "--yes", "--skip-preview")

    def preview(self, stack: Stack) -> None:
        """Run `pulumi preview`."""
        _require_success(stack, stack.pulumi("preview", "--stack", stack.name))

    def destroy(self, stack: Stack) -> None:
        """Run `pulumi destroy`."""
        self._update(stack, "destroy", "--yes", "--skip-preview")

    def _update(self, stack: Stack, *command: str) -> None:
        if stack.target != Target.AZURE:
            _require_success(stack, stack.pulumi(*command, "--stack", stack.name))
            return
        with tempfile.TemporaryDirectory(dir=paths.temporary_dir()) as folder:
            log = Path(folder) / "events.json"
            # The option exists only with this variable; the progress display stays the same.
            debug = {"PULUMI_DEBUG_COMMANDS": "true"}
            code = stack.pulumi(*command, "--stack", stack.name, f"--event-log={log}", environment=debug)
            errors = error_catalog.error_messages(log.read_text(encoding="utf-8")) if code and log.is_file() else ""
        _require_success(stack, code, errors)


def explain_failure(operation: Callable[[Stack], None], stack: Stack) -> None:
    """Run an engine's operation; raise an error that Azure is known for with its cause and remedy."""
    try:
        operation(stack)
    except UpdateError as error:
        found = error_catalog.explain(error.engine_errors) if stack.target == Target.AZURE else None
        if found is None:
            raise
        command = f"{found.command}{stack.option}" if found.command.startswith("lab ") else found.command
        raise LabError(f"{found.code}: {found.cause}", command) from error


def prepare(progress: Progress, *more_tools: str, look_again: bool = False) -> None:
    """Bring the tools, charts and manifests, and make the project's working folder.

    Args:
        progress: shows what takes long.
        more_tools: tools beyond those that every lab needs.
        look_again: try dashboards again that could not be had before.
    """
    toolchain.ensure((*toolchain.DEFAULT, *more_tools), progress=progress)
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
    stack.require_unlocked()
    stack.ensure()
    record.before_up(stack)
    if stack.target == Target.AZURE:
        _prepare_azure(stack, progress)
        azure_updates.before_change(stack, progress, allow_replace=allow_replace)
    explain_failure(engine.up, stack)
    if stack.target == Target.AZURE:
        azure_updates.keep_kubeconfig(stack)


def preview(stack: Stack, engine: Engine, progress: Progress) -> None:
    """Show what `up` would do, and change nothing."""
    prepare_preview(stack, progress)
    engine.preview(stack)


def prepare_preview(stack: Stack, progress: Progress) -> None:
    """Make the stack unless it exists, and refuse a preview that could not end well.

    Raises:
        LabError: the cluster is stopped, or something that the preview needs cannot be had.
    """
    stack.ensure()
    if stack.target == Target.AZURE:
        _prepare_azure(stack, progress)
        if found := azure_updates.cluster_of(stack):
            power.require_running(found, start_command=f"lab start{stack.option}")


def down(stack: Stack, engine: Engine) -> None:
    """Destroy a lab: every resource, process, port and file. The tools stay in the cache."""
    if stack.exists():
        stack.require_unlocked()
        record.before_down(stack)
        if stack.target == Target.AZURE:
            azure_updates.before_destroy(stack)
        explain_failure(engine.destroy, stack)
    sweep(stack)
    record.sweep(stack)


def sweep(stack: Stack) -> None:
    """End the processes of a stack and delete its folder, whatever its state says."""
    dataplane.stop(stack.directory)
    rollouts.stop(stack.directory)
    istiod.stop(stack.directory)
    control_plane.remove(stack.directory)


def clean(*, cache: bool) -> None:
    """Take down every lab on this machine and delete the project's working folder.

    Args:
        cache: delete the cache of tools too.

    Raises:
        LabError: a stack has resources on Azure, which would go on costing money unseen.
    """
    for state in sorted(paths.stacks_dir().glob("*.json")):
        if '"type": "azure-native:' in state.read_text(encoding="utf-8"):
            raise LabError(f"stack {state.stem} still has resources on Azure", f"make down STACK={state.stem}")
    stacks = paths.home() / "stacks"
    for directory in sorted(stacks.iterdir()) if stacks.is_dir() else []:
        sweep(Stack(directory.name))
    shutil.rmtree(paths.home(), ignore_errors=True)
    if cache:
        shutil.rmtree(paths.cache(), ignore_errors=True)


def tools_for(stack: Stack) -> tuple[str, ...]:
    """Return the tools that only this stack's settings need."""
    config = stack.config()
    if "rollouts" not in config or stack.target != Target.EMBEDDED:
        return ()
    analysed = Settings.from_mapping(config, source=stack.file.name).rollouts.delivery.analysed
    return ("prometheus",) if analysed else ()


def recover(stack: Stack, engine: Engine, progress: Progress) -> None:
    """Repair a lab whose `up` or `down` was killed, then bring it up."""
    stack.ensure()
    recovery.recover(stack, progress.line)
    up(stack, engine, progress)


def _prepare_azure(stack: Stack, progress: Progress) -> None:
    limit.hold(azure_updates.planned(stack), stack=stack.name)
    with _ONE_AT_A_TIME:
        plugin.ensure(progress)
        azure_updates.bring_kubelogin(stack)
    if added := azure_updates.allow_caller(stack):
        progress.line(
            f"Only you ({added}) can reach the API server: istio-lab:{azure_updates.RANGES} in {stack.file.name}"
        )


def _require_success(stack: Stack, code: int, engine_errors: str = "") -> None:
    if code:
        raise UpdateError(
            f"pulumi ended with exit code {code}; its messages are above",
            f"run the command again, or after a crash: make recover{stack.suffix}",
            engine_errors=engine_errors,
        )
