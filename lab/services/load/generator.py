"""A load generator as a child process: its lines as they come, and its end however this command ends."""

from __future__ import annotations

import queue
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.adapters import process
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BEAT = 1.0
"""Seconds between two calls of `tick`."""

STOP_TIMEOUT = 5.0
"""Seconds for a generator to end and to report once its standard input is closed."""

_INTERVAL = 0.1
"""Seconds until its end is noticed."""

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
    environment: Mapping[str, str] | None = None,
    take: Callable[[str], None],
    tick: Callable[[], None],
    limit: float,
) -> Ended:
    """Run a generator to its end.

    It has to end when its standard input does: so it also ends when this process is killed.

    Args:
        command: program and arguments.
        environment: all its variables; those of a local program if left out.
        take: takes each line that it prints.
        tick: called about every second.
        limit: seconds until its standard input is closed.

    Raises:
        LabError: it does not end by itself.
    """
    messages: deque[str] = deque(maxlen=_KEPT)
    lines: queue.Queue[_Line] = queue.Queue()
    why = ""
    with process.Running(
        command,
        environment=environment,
        stdin=True,
        on_line=lambda text: lines.put(("out", text)),
        on_message=lambda text: lines.put(("err", text)),
        new_group=True,
        grace=STOP_TIMEOUT,
    ) as running:
        deadline, due = time.monotonic() + limit, time.monotonic() + BEAT
        while not running.finished or not lines.empty():
            try:
                kind, text = _next(lines)
                if kind in ("out", "err"):
                    take(text)
                if kind == "err":
                    messages.append(text)
                if time.monotonic() > due:
                    due += BEAT
                    tick()
            except KeyboardInterrupt:
                if why:
                    raise  # the second time is meant
                why, deadline = _INTERRUPTED, time.monotonic() + STOP_TIMEOUT
                running.close_stdin()
            if time.monotonic() > deadline:
                if why:
                    break
                why, deadline = _OVERDUE, time.monotonic() + STOP_TIMEOUT
                running.close_stdin()
    if why == _OVERDUE:
        raise LabError(
            f"the load did not end by itself within {limit:.0f} s",
            "see whether what answers it still does, then run the same command again",
        )
    return Ended(code=running.code or 0, messages=tuple(messages), interrupted=why == _INTERRUPTED)


_Line = tuple[str, str]
"""Its origin and its text."""


def _next(lines: queue.Queue[_Line]) -> _Line:
    try:
        return lines.get(timeout=_INTERVAL)
    except queue.Empty:
        return "nothing", ""
