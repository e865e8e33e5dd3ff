"""Carrying out a plan: wave by wave, several stacks at a time, so that it can be stopped and gone on with."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lab.adapters.stack import Stack
from lab.adapters.workspace import local_backend
from lab.cli.class_board import Board, Phase, rows
from lab.core import paths
from lab.core.errors import LabError
from lab.services import azure_updates, lifecycle, recovery
from lab.services.audit import record
from lab.services.classes import azure, workspace
from lab.services.classes.engine import Engines, Job
from lab.services.classes.gate import Gate
from lab.services.classes.memory import Meter
from lab.services.classes.plan import CANARY, Verb
from lab.services.classes.provider import DYNAMIC, SharedProvider
from lab.settings import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from rich.console import Console

    from lab.services.classes.plan import Action, Plan

_ORPHAN = 60.0
"""Seconds that an engine whose command line was killed has for its last operations."""


_GLANCE = 1.0
"""Seconds between two looks up from waiting: Ctrl-C in the moment before a wait goes unnoticed until it ends."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one stack ended.

    Attributes:
        action: what was to be done.
        phase: how it ended.
        seconds: how long it took.
        error: why it failed.
    """

    action: Action
    phase: Phase
    seconds: float = 0.0
    error: str = ""


@dataclass(kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        ended: every stack that something was to be done to.
        seconds: from the beginning to the end.
        memory: bytes, the most that this process and its children took.
        interrupted: somebody stopped it.
    """

    ended: list[Ended] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    interrupted: bool = False

    @property
    def failed(self) -> list[Ended]:
        """What did not end as it was to."""
        return [each for each in self.ended if each.phase in (Phase.FAILED, Phase.SKIPPED)]


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan, console: Console, *, parallel: int, preview: bool = False) -> None:
        """Nothing is touched yet.

        Args:
            plan: what is to be done.
            console: where people look.
            parallel: how many stacks are worked on at a time.
            preview: nothing is done; what would be done is in the students' logs.
        """
        self._plan = plan
        self._parallel = parallel
        self._preview = preview
        self._engines = Engines(azure=any(workspace.on_azure(action) for action in plan.actions))
        self._providers: list[SharedProvider] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._empty: dict[str, str] = {}
        records = {action.stack: workspace.load(action.stack) for action in plan.actions}
        usual = {stack: record.seconds for stack, record in records.items() if record}
        self._board = Board(rows(plan.actions, usual), console, parallel=parallel)

    def carry_out(self) -> Outcome:
        """Do it. A failure is its own row's; only what leans on it is skipped."""
        outcome, began = Outcome(), time.monotonic()
        recovery.end_orphans()
        with (
            _alone(self._plan.classroom),
            Meter() as meter,
            self._board,
            self._stoppable(),
            SharedProvider(self._hear) as kubernetes,
            SharedProvider(self._hear, DYNAMIC) as dynamic,
        ):
            self._providers = [kubernetes, dynamic]
            waves = self._plan.waves
            while waves:
                wave = waves.pop(0)
                behind = waves.pop(0) if wave[0].wave == CANARY and waves else ()
                if self._blocked(outcome):
                    outcome.ended += [self._skip(action) for action in (*wave, *behind)]
                else:
                    self._carry_out(wave, behind, outcome)
        outcome.seconds, outcome.memory = time.monotonic() - began, meter.most
        outcome.interrupted = self._stop.is_set()
        return outcome

    def _blocked(self, outcome: Outcome) -> bool:
        """Whether an earlier wave failed: the next leans on it, or would fail in the same way."""
        return self._stop.is_set() or bool(outcome.failed)

    def _skip(self, action: Action) -> Ended:
        why = "it was stopped before" if self._stop.is_set() else "what goes before it failed"
        self._board.end(action.stack, Phase.SKIPPED, why)
        return Ended(action=action, phase=Phase.SKIPPED, error=why)

    def _carry_out(self, wave: Sequence[Action], behind: Sequence[Action], outcome: Outcome) -> None:
        """Do what is in a wave, and then what is behind it unless something failed."""
        gate = Gate()
        with ThreadPoolExecutor(min(self._parallel, len(wave) + len(behind)), "student") as pool:
            try:
                first = [pool.submit(self._one, action) for action in wave]
                others = self._line_up(behind, gate, pool, first)
                outcome.ended += _results(first)
                gate.decide(opens=not self._blocked(outcome))
                outcome.ended += _results(others)
            finally:
                gate.decide(opens=False)

    def _line_up(
        self, behind: Sequence[Action], gate: Gate, pool: ThreadPoolExecutor, first: Sequence[Future[Ended]]
    ) -> list[Future[Ended]]:
        """Bring those who are behind to the gate, one after the other: whoever goes first has precedence."""
        lined_up: list[Future[Ended]] = []
        for action in sorted(behind, key=lambda action: not self._starts_early(action)):
            arrived: Future[None] = Future()
            lined_up.append(pool.submit(self._one, action, gate, arrived))
            _wait_for_one([arrived, lined_up[-1], *first])
        return lined_up

    def _starts_early(self, action: Action) -> bool:
        """Whether an engine can be started for it without anything being looked at or touched."""
        return not self._preview and action.verb is Verb.CREATE and workspace.shares(action)

    def _one(self, action: Action, gate: Gate | None = None, arrived: Future[None] | None = None) -> Ended:
        """Work on one stack; with a gate, not before it opens."""
        begun = False

        def begin() -> None:
            nonlocal begun
            if gate and arrived:
                arrived.set_result(None)
                gate.wait()
            begun = True
            self._board.begin(action.stack)

        def turned_back() -> bool:
            return not begun and (self._stop.is_set() or (gate is not None and gate.refuses))

        if turned_back():
            return self._skip(action)
        try:
            if gate and self._starts_early(action):
                self._work(action, ready=begin)
            else:
                begin()
                self._work(action)
        except LabError as error:
            return self._skip(action) if turned_back() else self._fail(action, error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this student's and no other's
            return self._fail(action, f"{type(error).__name__}: {error}")
        seconds = self._board.end(action.stack, Phase.DONE)
        if self._preview:
            return Ended(action=action, phase=Phase.DONE, seconds=seconds)
        self._note(action, seconds)
        return Ended(action=action, phase=Phase.DONE, seconds=seconds)

    def _note(self, action: Action, seconds: float) -> None:
        """Write down how it stands, for the next run."""
        if action.verb not in (Verb.DESTROY, Verb.FORGET):
            workspace.stands(action, seconds)
        elif (before := workspace.load(action.stack)) and before.shares:
            workspace.remove(action.stack)
        else:
            workspace.gone(action.stack)

    def _fail(self, action: Action, why: str) -> Ended:
        seconds = self._board.end(action.stack, Phase.FAILED, why)
        if not self._preview:
            workspace.fails(action.stack, why)
        return Ended(action=action, phase=Phase.FAILED, seconds=seconds, error=why)

    def _work(self, action: Action, ready: Callable[[], None] = lambda: None) -> None:
        folder = workspace.prepare(action)
        stack = Stack(action.stack)
        exists = stack.exists()
        if not self._preview or not exists:
            workspace.begin(action, self._plan.classroom)
        if exists:
            self._mend(stack)
        job = self._job(action, folder, ready)
        if not exists and action.verb not in (Verb.DESTROY, Verb.FORGET):
            self._make(job, stack)
        if self._preview:
            if stack.target == Target.AZURE:
                azure.before_up(stack)
            self._engines.preview(job)
        elif action.verb is Verb.FORGET:
            if exists:
                self._engines.forget(job)
            sweep(stack)
        elif action.verb is Verb.DESTROY:
            if exists:
                self._destroy(job, stack)
            sweep(stack)
        else:
            self._up(job, stack, existed=exists)

    def _make(self, job: Job, stack: Stack) -> None:
        """Make an empty stack.

        Pulumi takes a third of a second for one, to make a key that all who share a cluster have.
        """
        salt = workspace.salt(stack.name)
        if not salt or not local_backend():
            self._engines.make(job)
            return
        with self._lock:
            if salt in self._empty:
                stack.copy_empty(self._empty[salt])
            else:
                self._engines.make(job)
                self._empty[salt] = stack.state_file.read_text(encoding="utf-8")

    def _job(self, action: Action, folder: Path, ready: Callable[[], None]) -> Job:
        return Job(
            stack=action.stack,
            folder=folder,
            ready=ready,
            log=folder / "log" / f"{'preview' if self._preview else action.verb}.log",
            told=lambda progress: self._board.step(action.stack, f"{progress.done} done, {progress.text}"),
            providers=self._providers if workspace.shares(action) else (),
        )

    def _up(self, job: Job, stack: Stack, *, existed: bool) -> None:
        on_azure = stack.target == Target.AZURE
        if existed:
            record.before_up(stack)
        if on_azure:
            self._board.step(stack.name, "bringing what Azure needs, and looking whether anything would be lost")
            azure.before_up(stack)
        try:
            self._engines.up(job)
        except LabError as error:
            raise LabError(azure.explained(error.message, stack)) if on_azure else error from None
        if on_azure:
            azure_updates.keep_kubeconfig(stack)

    def _destroy(self, job: Job, stack: Stack) -> None:
        if stack.target == Target.SHARED:
            self._engines.destroy(job)
            return
        record.before_down(stack)
        if stack.target == Target.AZURE:
            azure_updates.before_destroy(stack)
        self._engines.destroy(job)
        record.sweep(stack)

    def _mend(self, stack: Stack) -> None:
        """Put right what a killed run left: a lock of nobody, and operations of which nobody knows how they ended."""
        deadline = time.monotonic() + _ORPHAN
        while (held := stack.lock()) and held.alive:
            if time.monotonic() > deadline or self._stop.is_set():
                raise LabError(f"process {held.pid} has worked on it since {held.since}")
            self._board.step(stack.name, f"waiting for process {held.pid}, which still works on it")
            time.sleep(0.5)
        if held:
            stack.cancel()
        if held or recovery.half_done(stack):
            self._board.step(stack.name, "putting right what a killed run left")
            recovery.forget_pending(stack)

    def _hear(self, urn: str, message: str) -> None:
        """Show what the shared provider waits for in the row of whose resource it is."""
        stack, _, name = urn.removeprefix("urn:pulumi:").partition("::")
        if message:
            self._board.step(stack, f"{name.rsplit('::', 1)[-1]}: {message}")

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C once: what runs comes to an end in order, nothing new is begun. Twice: at once."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            first = not self._stop.is_set()
            self._stop.set()
            threading.Thread(target=self._interrupt, args=(first,), daemon=True).start()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupt(self, first: bool) -> None:  # noqa: FBT001 - by the signal's handler alone
        if first:
            self._board.line("stopping: what is under way comes to an end; press Ctrl-C again to stop at once")
        self._engines.interrupt()
        for provider in self._providers:
            provider.cancel()


def _results(turns: Sequence[Future[Ended]]) -> list[Ended]:
    while wait(turns, timeout=_GLANCE).not_done:
        continue
    return [each.result() for each in turns]


def _wait_for_one(moves: Sequence[Future[Any]]) -> None:
    while not wait(moves, timeout=_GLANCE, return_when=FIRST_COMPLETED).done:
        continue


@contextlib.contextmanager
def _alone(classroom: str) -> Iterator[None]:
    """Keep others from working on the same class; whoever is killed lets go of it."""
    lock = FileLock(paths.class_dir() / f"{classroom}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LabError(f"another command works on class {classroom}", "wait for it to end") from None
    try:
        yield
    finally:
        lock.release()


def sweep(stack: Stack) -> None:
    """Delete what is left of a destroyed stack on this machine."""
    lifecycle.sweep(stack)
