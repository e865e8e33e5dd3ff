"""Run a few jobs at once in a way that Ctrl-C ends at once."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_GRACE = 5.0  # seconds for running jobs to notice that they were cancelled


def run_all(jobs: Iterable[Callable[[], None]], *, workers: int, cancelled: threading.Event) -> None:
    """Run every job, in order of their start.

    The threads are daemons and the caller only waits for results: a thread stuck in a slow read cannot keep an
    interrupted program alive, which a `ThreadPoolExecutor` would.

    Args:
        jobs: what to run; a job looks at `cancelled` where it can wait long.
        workers: how many at a time.
        cancelled: set when this call ends by an exception, its own or a job's.

    Raises:
        BaseException: the first exception that a job raised, as it was.
    """
    todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for job in jobs:
        todo.put(job)
    count = todo.qsize()
    threads = [
        threading.Thread(target=_work, args=(todo, done, cancelled), daemon=True) for _ in range(min(workers, count))
    ]
    for thread in threads:
        thread.start()
    failure: BaseException | None = None
    try:
        while count and failure is None:
            failure = done.get()
            count -= 1
    except BaseException:
        _stop(threads, cancelled)
        raise
    if failure is not None:
        _stop(threads, cancelled)
        raise failure


def _work(
    todo: queue.SimpleQueue[Callable[[], None]],
    done: queue.SimpleQueue[BaseException | None],
    cancelled: threading.Event,
) -> None:
    while not cancelled.is_set():
        try:
            job = todo.get_nowait()
        except queue.Empty:
            return
        try:
            job()
        except BaseException as failure:  # noqa: BLE001 - it crosses to the waiting thread, which raises it
            done.put(failure)
        else:
            done.put(None)


def _stop(threads: Iterable[threading.Thread], cancelled: threading.Event) -> None:
    cancelled.set()
    for thread in threads:
        thread.join(_GRACE)
