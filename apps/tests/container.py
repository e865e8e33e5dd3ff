"""A container with nothing but the kernel's means: an image's program in its file system, as process 1 of its own.

It differs from a Pod in its network: it has this machine's, so that a test reaches it on loopback.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from apps.tests.builder import Image

_PATIENCE = 30.0

_SCRIPT = """
root=$1 mode=$2 user=$3 group=$4
shift 4
mount --bind "$root" "$root"
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
exec setpriv --no-new-privs unshare --root="$root" --wd=/ --setgid="$group" --setuid="$user" -- "$@"
"""
"""What the kubelet would ask a container runtime for, with `mode` as `readOnlyRootFilesystem`."""


class Container:
    """What runs in an image."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._outside = process
        self.log = log

    @property
    def process(self) -> psutil.Process:
        """The image's own program."""
        (child,) = psutil.Process(self._outside.pid).children()
        return child

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._outside.poll() is None

    def wait(self) -> int:
        """How it ended.

        Raises:
            subprocess.TimeoutExpired: it did not.
        """
        return self._outside.wait(_PATIENCE)


@contextlib.contextmanager
def run(image: Image, log: Path, environment: Mapping[str, str]) -> Iterator[Container]:
    """Run the image's entry point as its user, its file system read-only but for /tmp, until the block ends."""
    command = _command(image, image.configuration["Entrypoint"], "ro")
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**image.environment, **environment},
        )
    try:
        # The program is there when it has left this machine's root folder.
        deadline = time.monotonic() + _PATIENCE
        while not psutil.Process(process.pid).children() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield Container(process, log)
    finally:
        _end(process)


def try_out(image: Image, *command: str, read_only: bool = True) -> subprocess.CompletedProcess[str]:
    """Run another command in an image as its user.

    Args:
        image: where.
        command: the program and its arguments.
        read_only: as for `run`; otherwise only permissions keep the user from writing.

    Raises:
        subprocess.TimeoutExpired: it did not end, and was killed.
    """
    with subprocess.Popen(
        _command(image, command, "ro" if read_only else "rw"),
        env=image.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, messages = process.communicate(timeout=_PATIENCE)
        finally:
            _end(process)
    return subprocess.CompletedProcess(command, process.returncode, out, messages)


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a container, if it has not ended.

    The program itself is killed, and unshare follows it. With --kill-child the kernel would do the opposite, but it
    forgets that when the program becomes another user's.
    """
    if process.poll() is None:
        for each in psutil.Process(process.pid).children() or [process]:
            each.kill()
    process.wait()


def _command(image: Image, command: Sequence[str], mode: str) -> list[str]:
    user, _, group = image.configuration["User"].partition(":")
    apart = ["/usr/bin/unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    shell = ["/bin/sh", "-euc", _SCRIPT, "container"]
    return [*apart, *shell, str(image.root), mode, user or "0", group or "0", *command]
