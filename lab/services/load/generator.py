"""A load generator as a process of its own: its lines as they come, and its end however this command ends."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

BEAT = 1.0
"""Seconds between two signs of life."""

PATIENCE = 5.0
"""Seconds that a generator has to end and to report, once it is told to."""

_KEPT = 20
"""Lines of its standard error that are kept for an error message, the last ones."""

_INTERRUPTED, _OVERDUE = "interrupted", "overdue"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a generator ended.

    Attributes:
        code: its exit code.
        messages: the last lines of its standard error.
        interrupted: the user ended it.
    """

    code: int
    messages: tuple[str, ...]
    interrupted: bool


def follow(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    take: Callable[[str], None],
    tick: Callable[[], None],
    limit: float,
) -> Ended:
    """Run a generator to its end.

    It has to end when its standard input does: so it also ends when this process is killed.

    Args:
        command: program and arguments.
        environment: all of it.
        take: is given each line that it prints.
        tick: is called about every second.
        limit: seconds after which it is told to end.

    Raises:
        LabError: it does not end by itself.
    """
    messages: deque[str] = deque(maxlen=_KEPT)
    streams, why = 2, ""
    with _started(command, environment) as (process, lines):
        deadline, due = time.monotonic() + limit, time.monotonic() + BEAT
        while streams:
            try:
                kind, text = _next(lines)
                if kind in ("out", "err"):
                    take(text)
                if kind == "err":
                    messages.append(text)
                streams -= kind == "end"
                if time.monotonic() > due:
                    due += BEAT
                    tick()
            except KeyboardInterrupt:
                if why:
                    raise  # the second time is meant
                why, deadline = _INTERRUPTED, time.monotonic() + PATIENCE
                _let_go(process)
            if time.monotonic() > deadline:
                if why:
                    break
                why, deadline = _OVERDUE, time.monotonic() + PATIENCE
                _let_go(process)
    if why == _OVERDUE:
        raise LabError(
            f"the load did not end by itself within {limit:.0f} s",
            "see whether what answers it still does, then run the same command again",
        )
    return Ended(code=process.returncode, messages=tuple(messages), interrupted=why == _INTERRUPTED)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let whoever ends `lab` with a plain `kill`, or closes its terminal, leave as little behind as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_Line = tuple[str, str]
"""Where from, and the text."""


@contextlib.contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[_Line]]]:
    lines: queue.Queue[_Line] = queue.Queue()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        process_group=0,  # Ctrl-C in a terminal is for this process, which tells the other
    ) as process:
        readers = [
            threading.Thread(target=_read, args=(stream, kind, lines), daemon=True)
            for stream, kind in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        for reader in readers:
            reader.start()
        try:
            yield process, lines
        finally:
            _end(process)
            for reader in readers:
                reader.join(PATIENCE)


def _read(stream: IO[str], kind: str, lines: queue.Queue[_Line]) -> None:
    for line in stream:
        lines.put((kind, line.rstrip("\n")))
    lines.put(("end", ""))


def _next(lines: queue.Queue[_Line]) -> _Line:
    try:
        return lines.get(timeout=BEAT)
    except queue.Empty:
        return "nothing", ""


def _let_go(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _end(process: subprocess.Popen[str]) -> None:
    _let_go(process)
    if not _ended(process):
        process.terminate()
    if not _ended(process):
        process.kill()
        process.wait()


def _ended(process: subprocess.Popen[str]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    return process.returncode is not None
