"""A load generator as a child process: its lines as they come, and its end however this command ends."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BEAT = 1.0
"""Seconds between two calls of `tick`."""

STOP_TIMEOUT = 5.0
"""Seconds for a generator to end and to report once its standard input is closed."""

_KEPT = 20
"""Last lines of its standard error, for an error message."""

_INTERRUPTED, _OVERDUE = "interrupted", "overdue"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The exit code of a generator, the last lines of its standard error, and whether the user ended it."""

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
        environment: all of its variables.
        take: takes each line that it prints.
        tick: called about every second.
        limit: seconds until its standard input is closed.

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
                why, deadline = _INTERRUPTED, time.monotonic() + STOP_TIMEOUT
                _let_go(process)
            if time.monotonic() > deadline:
                if why:
                    break
                why, deadline = _OVERDUE, time.monotonic() + STOP_TIMEOUT
                _let_go(process)
    if why == _OVERDUE:
        raise LabError(
            f"the load did not end by itself within {limit:.0f} s",
            "see whether what answers it still does, then run the same command again",
        )
    return Ended(code=process.returncode, messages=tuple(messages), interrupted=why == _INTERRUPTED)


_Line = tuple[str, str]
"""Its origin and its text."""


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
                reader.join(STOP_TIMEOUT)


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
        process.wait(STOP_TIMEOUT)
    return process.returncode is not None
