"""Execute a class plan in waves, several stacks in parallel. Safe to interrupt and resume."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

import psutil
from filelock import FileLock, Timeout

from lab.adapters.stack import Stack
from lab.core import paths, signals
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.core.wait import poll
from lab.services import lifecycle, recovery
from lab.services.classes import engine, workspace
from lab.services.classes.plan import Verb
from lab.services.classes.reporter import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType, TracebackType

    from lab.adapters.locks import Lock
    from lab.services.classes.plan import Action, Plan
    from lab.services.classes.reporter import Reporter

_ORPHAN_TIMEOUT = 60.0
"""Seconds that an engine whose command was killed has for its last operations."""

_SIGNAL_INTERVAL = 1.0
"""Seconds between two checks for Ctrl-C: a signal just before a wait goes unnoticed until the wait ends."""

_MEMORY_INTERVAL = 2.0

_MEMORY_PER_STACK = 600 * 2**20
"""Bytes for an engine, its program and its providers."""

_STACKS_PER_CORE = 3
"""Half of its time an engine waits for the cluster; with twice as many, twelve students took longer."""


class Engine(lifecycle.Engine, Protocol):
    """The operations of Pulumi that a class needs."""

    def prune_state(self, stack: Stack) -> None:
        """Remove a stack whose resources went with the cluster that they were in."""


@dataclass(frozen=True, kw_only=True)
class StackResult:
    """The result for one stack.

    Attributes:
        action: what was to be done.
        phase: DONE, FAILED or SKIPPED.
        error: why it failed or was skipped.
    """

    action: Action
    phase: Phase
    error: str = ""


@dataclass(kw_only=True)
class Outcome:
    """The result of a run.

    Attributes:
        results: of every stack that something was to be done to.
        seconds: duration.
        memory: peak of this process and its children, in bytes.
        interrupted: somebody stopped it.
    """

    results: list[StackResult] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    interrupted: bool = False

    @property
    def failed(self) -> list[StackResult]:
        """The stacks that are not done."""
        return [each for each in self.results if each.phase is not Phase.DONE]


class Executor:
    """Executes a plan once."""

    def __init__(
        self,
        plan: Plan,
        reporter: Reporter,
        *,
        parallel: int,
        preview: bool = False,
        engines: Callable[[Path, Callable[[str], None]], Engine] | None = None,
    ) -> None:
        """Prepare a run; nothing is touched yet.

        Args:
            plan: what is done.
            reporter: shows the progress.
            parallel: how many stacks are worked on at a time.
            preview: only write to the stacks' logs what would be done.
            engines: makes the engine of one stack from the file of its log and a callback for its steps.
        """
        self._plan = plan
        self._reporter = reporter
        self._parallel = parallel
        self._preview = preview
        self._engines = engines or _automation_engines()
        self._stop = threading.Event()

    def run(self) -> Outcome:
        """Execute the plan. A failure stays in its own stack; only later waves are skipped."""
        outcome, began = Outcome(), time.monotonic()
        recovery.end_orphans()
        with (
            _exclusive(self._plan.classroom),
            _MemoryMeter() as meter,
            signals.handled(self._interrupted, signal.SIGINT, signal.SIGTERM),
            ThreadPoolExecutor(self._parallel, "stack") as pool,
        ):
            for wave in self._plan.waves:
                if outcome.failed and not self._stop.is_set():
                    outcome.results += [self._skip(action, "what goes before it failed") for action in wave]
                else:
                    outcome.results += _results([pool.submit(self._one, action) for action in wave])
        outcome.seconds, outcome.memory = time.monotonic() - began, meter.peak
        outcome.interrupted = self._stop.is_set()
        return outcome

    def _one(self, action: Action) -> StackResult:
        if self._stop.is_set():
            return self._skip(action, "it was stopped before")
        began = time.monotonic()
        self._reporter.begin(action.stack)
        try:
            self._work(action)
        except LabError as error:
            return self._fail(action, f"{error.message}; do: {error.remedy}" if error.remedy else error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep other students from their labs
            return self._fail(action, f"{type(error).__name__}: {error}")
        self._reporter.end(action.stack, Phase.DONE)
        if not self._preview:
            self._record(action, time.monotonic() - began)
        return StackResult(action=action, phase=Phase.DONE)

    def _skip(self, action: Action, why: str) -> StackResult:
        self._reporter.end(action.stack, Phase.SKIPPED, why)
        return StackResult(action=action, phase=Phase.SKIPPED, error=why)

    def _fail(self, action: Action, why: str) -> StackResult:
        self._reporter.end(action.stack, Phase.FAILED, why)
        if not self._preview:
            workspace.mark_failed(action.stack, why)
        return StackResult(action=action, phase=Phase.FAILED, error=why)

    def _record(self, action: Action, seconds: float) -> None:
        if action.verb not in (Verb.DESTROY, Verb.PRUNE_STATE):
            workspace.mark_up(action, seconds)
        elif (before := workspace.load(action.stack)) and before.shares:
            workspace.remove(action.stack)
        else:
            workspace.mark_destroyed(action.stack)

    def _work(self, action: Action) -> None:
        folder = workspace.prepare(action)
        stack = Stack(action.stack)
        exists = stack.exists()
        # A preview creates the stack, which whoever destroys the class has to know of.
        if not self._preview or not exists:
            workspace.mark_started(action, self._plan.classroom)
        if exists:
            self._repair(stack)
        log = folder / "log" / f"{'preview' if self._preview else action.verb}.log"

        def show(text: str) -> None:
            self._reporter.step(action.stack, text)

        chosen = self._engines(log, show)
        with Progress(quiet=True) as progress:
            if self._preview:
                lifecycle.preview(stack, chosen, progress)
            elif action.verb is Verb.DESTROY:
                lifecycle.down(stack, chosen)
            elif action.verb is Verb.PRUNE_STATE:
                if exists:
                    chosen.prune_state(stack)
                lifecycle.sweep(stack)
            else:
                lifecycle.up(stack, chosen, progress)

    def _repair(self, stack: Stack) -> None:
        """Break the lock of a killed run, and forget its operations of unknown result."""

        def say(text: str) -> None:
            self._reporter.step(stack.name, text)

        def wait(held: Lock) -> None:
            say(f"waiting for {held.holder}, which still works on it")
            poll(lambda: self._stop.is_set() or not stack.in_use(), timeout=_ORPHAN_TIMEOUT, interval=0.5)

        if recovery.release(stack, say, wait=wait) or recovery.half_done(stack):
            say("repairing what a killed run left")
            recovery.forget_pending(stack)

    def _interrupted(self, number: int, _frame: FrameType | None) -> None:
        """Stop gracefully: engines finish their operations, and nothing new begins. Asked again, stop at once."""
        if not self._stop.is_set():
            self._stop.set()
            # The handler may have interrupted a thread that holds the reporter's lock.
            message = "stopping: what is under way comes to an end; press Ctrl-C again to stop at once"
            threading.Thread(target=self._reporter.line, args=(message,), daemon=True).start()
        if number != signal.SIGINT or not _in_foreground():
            engine.interrupt()


def default_parallelism() -> int:
    """Return how many stacks this machine can work on at a time, at least one."""
    cores = psutil.cpu_count() or 1
    return max(1, min(cores * _STACKS_PER_CORE, psutil.virtual_memory().available // _MEMORY_PER_STACK))


def _automation_engines() -> Callable[[Path, Callable[[str], None]], Engine]:
    command = engine.command()
    return lambda log, on_step: engine.AutomationEngine(command=command, log=log, on_step=on_step)


def _results(futures: Sequence[Future[StackResult]]) -> list[StackResult]:
    while wait(futures, timeout=_SIGNAL_INTERVAL).not_done:
        continue
    return [each.result() for each in futures]


def _in_foreground() -> bool:
    """True if a terminal's Ctrl-C reaches the engines as well: a second one would stop them at once."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


@contextlib.contextmanager
def _exclusive(classroom: str) -> Iterator[None]:
    """Keep other commands from working on the same class; a killed process releases the lock."""
    try:
        with FileLock(paths.class_dir() / f"{classroom}.lock", timeout=0):
            yield
    except Timeout:
        raise LabError(f"another command works on class {classroom}", "wait for it to end") from None


class _MemoryMeter:
    """Measures the peak memory of this process and its children for the length of a `with` block."""

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, _resident_memory())
            if self._ended.wait(_MEMORY_INTERVAL):
                return


def _resident_memory() -> int:
    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total
