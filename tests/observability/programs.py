"""Real programs on loopback, for as long as a test needs them."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from lab import toolchain
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_READY = 60.0
"""Seconds; Loki takes fifteen, which it spends waiting."""

_PATIENCE = 10.0
"""Seconds between asking a program to end and ending it."""


def require_loki(not_run: str) -> None:
    """Skip a test, on CI too, where Loki's published binary cannot be had: Loki is under the AGPL and is not built.

    Args:
        not_run: what then stays untested.
    """
    try:
        toolchain.path("loki")
    except LabError:
        pytest.skip(f"not run: {not_run}. Loki could not be downloaded, and the lab does not build it (AGPL)")


@contextlib.contextmanager
def run(
    arguments: Sequence[str | Path],
    *,
    ready_url: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that answers `ready_url` with success; its end is the end of the block.

    Args:
        arguments: the program and what it is told.
        ready_url: asked until it answers 200 to 299.
        log: standard output and error are appended here; its end is part of the message of a failure.
        environment: added to this process's own.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=log.parent,
        )
    try:
        _wait_until_ready(process, ready_url, log)
        yield process
    finally:
        _end(process)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_address() -> str:
    """A loopback address for one test's programs: on it every port is free (Linux answers on all of 127.0.0.0/8)."""
    return ".".join(("127", *(str(secrets.randbelow(250) + 2) for _ in range(3))))


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY
    while not _answers(url):
        ended = process.poll()
        assert ended is None, f"{process.args} ended with {ended}:\n{_end_of(log)}"
        assert time.monotonic() < deadline, f"{url} did not answer in {_READY:.0f} s:\n{_end_of(log)}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - the address of a test's own program
            return True
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])
