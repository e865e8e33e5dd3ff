"""The applications as processes of this machine, started as a cluster starts them: by their environment alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from lab.core.progress import Progress
from lab.toolchain import applications

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 20.0
ORDER = {"productId": "1001", "qty": 5}


class Running:
    """One process.

    Attributes:
        lines: what it has logged so far.
        url: where it answers.
    """

    def __init__(self, app: str, **variables: str) -> None:
        runtime = applications.ensure(Progress(quiet=True))
        own = {"HOST": "127.0.0.1", "PORT": "0", "PATH": os.environ["PATH"], **variables}
        self.lines: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            runtime.command(app),
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        port = self.wait_for(lambda line: line.get("port"), "listens")
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=_PATIENCE, trust_env=False)

    def wait_for(self, wanted: Any, what: str) -> Any:  # noqa: ANN401 - a function of a line
        """What a function finds in the first line in which it finds anything."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and (self.process.poll() is None or self._reader.is_alive()):
            for line in list(self.lines):
                if found := wanted(line):
                    return found
            time.sleep(0.01)
        self.end()
        raise AssertionError(f"it never said that it {what}: {''.join(self.said)}")

    def terminate(self) -> int:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE + 10)

    def end(self) -> None:
        if hasattr(self, "client"):
            self.client.close()
        with self.process:
            if self.process.poll() is None:
                self.process.kill()
            self._reader.join()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.said.append(line)
            if line.startswith("{"):
                self.lines.append(json.loads(line))


@contextmanager
def running(app: str, **variables: str) -> Iterator[Running]:
    """A process for as long as a block lasts."""
    process = Running(app, **variables)
    try:
        yield process
    finally:
        process.end()


@contextmanager
def shop(**variables: str) -> Iterator[tuple[Running, Running]]:
    """Order and the delivery that it asks."""
    with running("delivery", DELIVERY_LOG_LEVEL="DEBUG") as delivery:
        settings = {"DELIVERY_URL": delivery.url, "DELIVERY_RETRY": "0", **variables}
        with running("order", **settings) as order:
            yield order, delivery


def refused_start(app: str, **variables: str) -> tuple[int, str]:
    """How a start with a wrong setting ends: exit code, and all that was said."""
    runtime = applications.ensure(Progress(quiet=True))
    ended = subprocess.run(
        runtime.command(app),
        env={"PATH": os.environ["PATH"], "PORT": "0", "HOST": "127.0.0.1", **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    return ended.returncode, ended.stdout + ended.stderr


def port_of(url: str) -> int:
    found = re.search(r":(\d+)$", url)
    assert found
    return int(found[1])
