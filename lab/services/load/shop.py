"""The shop's applications as processes of this machine, for clusters whose Pods are simulated."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab.adapters import files, port_forward, process
from lab.core import paths
from lab.core.errors import LabError
from lab.core.wait import poll
from lab.platforms.embedded.ports import LOOPBACK, is_free
from lab.services.load.plan import Destination
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.core.progress import Progress

_PORTS = range(20_000, 32_000)
"""Below the ephemeral range, like the ports of a lab: no outgoing connection takes one meanwhile."""

_READY_TIMEOUT = 20.0
"""Seconds; two are usual."""

_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

_PREFIX = "load-"
"""Of the temporary folder with the logs and the database."""

_STALE = 24 * 3600.0
"""Seconds; longer than any load."""

_GUARD = """\
exec 3<&0
"$@" </dev/null 3<&- &
app=$!
(while read -r _ <&3; do :; done; kill -TERM $app) &
watch=$!
wait $app
code=$?
kill $watch 2>/dev/null
exit $code
"""
"""A shell that ends the application when this process ends, even if it is killed."""

_ATTEMPTS = 3
"""Attempts on other ports: another program may take a free port before the application listens on it."""


@contextlib.contextmanager
def on_loopback(app: str, settings: Mapping[str, Mapping[str, str]], progress: Progress) -> Iterator[Destination]:
    """Run an application and those that it calls, for the length of a `with` block.

    Raises:
        LabError: one does not start.
    """
    runtime = applications.ensure(progress)
    _sweep()
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=paths.temporary_dir()) as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)

        def run(which: str, **more: str) -> str:
            environment = {**settings.get(which, {}), **more}
            label = f"starting {which} on this machine"
            with progress.step(label, usual=2):
                return stack.enter_context(_running(runtime.command(which), environment, folder / f"{which}.log"))

        if app == "order":
            delivery = run("delivery")
            base = run("order", DELIVERY_URL=delivery, ORDER_DB_URL=f"sqlite:///{folder / 'order.db'}")
        else:
            base = run(app)
        yield Destination(base=base, by=f"fortio on this machine, where {app} runs as a process")


def _sweep() -> None:
    """Delete the folders of killed runs, which are too old to be in use."""
    files.folder(paths.temporary_dir())
    for folder in paths.temporary_dir().glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # somebody else sweeps as well
            if time.time() - folder.stat().st_mtime > _STALE:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run one application; yield its address once it is ready."""
    for _ in range(_ATTEMPTS):
        port = _free_port()
        running = process.Running(
            ["/bin/sh", "-c", _GUARD, "sh", *command],
            environment={**environment, "HOST": LOOPBACK, "PORT": str(port)},
            cwd=log.parent,
            log=log,
            stdin=True,
            new_group=True,  # Ctrl-C in a terminal is for this process, which ends the others
            grace=_GRACE,
        )
        try:
            if _ready(running, port):
                yield f"http://{LOOPBACK}:{port}"
                return
        finally:
            running.stop()
    raise LabError(f"{' '.join(command)} does not start:\n{process.tail(log)}", "run the same command again")


def _ready(running: process.Running, port: int) -> bool:
    def settled() -> bool:
        return running.code is not None or port_forward.answers(LOOPBACK, port, "/actuator/health/readiness")

    return poll(settled, timeout=_READY_TIMEOUT, interval=0.05) and running.code is None


def _free_port() -> int:
    for port in random.sample(_PORTS, 2_000):
        if is_free(port):
            return port
    raise LabError(f"no port between {_PORTS[0]} and {_PORTS[-1]} of {LOOPBACK} is free", "end what listens there")
