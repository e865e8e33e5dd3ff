"""A folder for all that a benchmark makes, the processes started for it, and a meter of their time and memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from lab.core import paths
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from types import TracebackType

MARK = "ISTIO_LAB_BENCH"
"""Environment variable that every process started here carries, and so does whatever it starts: a process that has
left its parent and its process group is still recognised, and never one of somebody else."""

_PRIVATE = ("PULUMI_", "HELM_", "KWOK_")
_OTHERS = {"ISTIO_LAB_HOME", "ISTIO_LAB_BACKEND_URL", "KUBECONFIG", "PYTHONPATH"}
"""Variables that would lead a command to the user's own labs and clusters."""

_LAST_LINES = 40
"""Of a failed command's output that an error shows."""

_PATIENCE = 600.0
"""Seconds for one command; the slowest takes half a minute."""

_REST_WINDOW = 1.0
"""Seconds over which the use of the processor is measured."""

_REST_SHARE = 0.25
"""Of one core: a cluster of this size that has nothing to do uses a tenth."""

_REST_PATIENCE = 30.0
"""Seconds; five are usual."""

_GONE_PATIENCE = 20.0
"""Seconds for what `destroy` removes to be really gone."""


_INTERVAL = 0.25
"""Seconds between two looks at the memory: often enough for a peak, too seldom to slow anything down."""


class Sandbox:
    """Use it in a `with` block.

    Attributes:
        folder: where everything goes. It is beside the user's own labs, since etcd is as fast as the disk is.
    """

    folder: Path

    def __enter__(self) -> Self:
        paths.home().mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=paths.home())).resolve()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _undisturbed():
            self.end_processes()
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return what it printed.

        It has no terminal and a session of its own, so Ctrl-C reaches only the benchmark, which then ends it.

        Args:
            command: program and arguments.
            cwd: where it runs.
            environment: what is added to the user's own environment.

        Raises:
            LabError: it failed or took too long.
        """
        # A file, not a pipe: detached processes keep what they inherit open.
        log = self.folder / "command.log"
        name = " ".join(command[:3])
        with log.open("wb") as out:
            try:
                code = subprocess.run(
                    command,
                    check=False,
                    cwd=cwd,
                    env={**_inherited(), "KUBECACHEDIR": str(self.folder / "kubectl-cache"), **(environment or {})}
                    | {MARK: str(self.folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    timeout=_PATIENCE,
                ).returncode
            except subprocess.TimeoutExpired:
                raise LabError(f"{name} did not end in {_PATIENCE:.0f} s: {_tail(log)}") from None
        if code:
            raise LabError(f"{name} ended with code {code}: {_tail(log)}")
        return log.read_text(errors="replace")

    def processes(self, *, strangers: Collection[int] = ()) -> list[psutil.Process]:
        """What runs now of all that was started here.

        Args:
            strangers: process ids known to be others', which saves looking at them.
        """
        found = []
        for pid in psutil.pids():
            if pid not in strangers:
                with contextlib.suppress(psutil.Error, OSError):  # it ended, or is another user's
                    process = psutil.Process(pid)
                    if process.environ().get(MARK) == str(self.folder):
                        found.append(process)
        return found

    def wait_until_at_rest(self) -> None:
        """Wait until what runs here has caught up with what was asked of it; one that never does is not waited for.

        A cluster that was just filled works on for some seconds: controllers, and the API server's schema.
        """
        deadline = time.monotonic() + _REST_PATIENCE
        before = self._processor_seconds()
        while time.monotonic() < deadline:
            time.sleep(_REST_WINDOW)
            now = self._processor_seconds()
            if now - before < _REST_SHARE * _REST_WINDOW:
                return
            before = now

    def _processor_seconds(self) -> float:
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def end_processes(self) -> None:
        """End all that was started here, also what starts while others end."""
        deadline = time.monotonic() + _GONE_PATIENCE
        while (alive := self.processes()) and time.monotonic() < deadline:
            kill(alive)

    def wait_until_gone(self) -> None:
        """Wait until nothing runs any more.

        Raises:
            LabError: something stays.
        """
        deadline = time.monotonic() + _GONE_PATIENCE
        while alive := self.processes():
            if time.monotonic() > deadline:
                raise LabError(f"still running after everything was destroyed: {', '.join(map(_title, alive))}")
            time.sleep(0.05)


def kill(running: Sequence[psutil.Process]) -> None:
    """Kill processes and wait for their end."""
    for process in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(running, timeout=_GONE_PATIENCE)


def _tail(log: Path) -> str:
    """Return the end of a log from the first error in its last lines on: pulumi prints outputs after its errors."""
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    first = next((number for number, line in enumerate(lines) if "error:" in line), 0)
    return "\n".join(lines[first:])


def _inherited() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(_PRIVATE) and key not in _OTHERS}


def _title(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not stop the cleaning up."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


class Meter:
    """Measures a `with` block.

    Attributes:
        seconds: how long it took.
        memory: the peak memory of the sandbox's processes in bytes.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self.seconds = 0.0
        self.memory = 0

    def __enter__(self) -> Self:
        own = {process.pid for process in self._sandbox.processes()}
        # Whatever else runs already is no child of what is measured: only newer processes need a look each time.
        self._strangers = frozenset(psutil.pids()) - own
        self._watch.start()
        self._start = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._start
        self._ended.set()
        self._watch.join()

    def _watch_memory(self) -> None:
        while True:
            running = self._sandbox.processes(strangers=self._strangers)
            self.memory = max(self.memory, sum(map(_resident, running)))
            if self._ended.wait(_INTERVAL):
                return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
