"""The Go toolchain with the user's settings, and with caches inside the lab's cache."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lab.adapters import environment as environments
from lab.adapters import process
from lab.core import paths
from lab.core.errors import LabError
from lab.toolchain import catalog
from lab.toolchain.cache import SourceFailed

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

OLDEST = (1, 26, 4)
"""The oldest Go release that builds what a lab needs; what only tests run may ask for more in its go.mod."""

_AMPLE_MEMORY = 12 * 2**30  # bytes: four compilers and linkers at once stay below
_SPEND_MEMORY = {"GOGC": "1000", "GOMEMLIMIT": "4GiB"}
"""Compilers are short-lived: hardly ever collecting saves a fifth of a build; the largest package takes 3.4 GB."""
_VERSION_TIMEOUT = 30.0  # seconds
_POLL_INTERVAL = 0.2  # seconds until an interrupt is noticed
_LAST_LINES = 12  # of a failed command's output that an error shows


def environment() -> dict[str, str]:
    """The environment of every go command.

    Proxies, private modules and the user's go env file stay in force; caches, flags that change what is built and the
    telemetry folder do not come from the user.
    """
    folder = paths.cache() / "go"
    system, architecture = catalog.platform().split("/")
    settings = {
        "GOENV": os.environ.get("GOENV") or str(_user_config() / "go" / "env"),
        "XDG_CONFIG_HOME": str(folder / "config"),  # where go's telemetry goes; GOENV above is why that loses nothing
        "GOPATH": str(folder),
        "GOMODCACHE": str(folder / "pkg" / "mod"),
        "GOCACHE": str(folder / "build"),
        "GOFLAGS": "-modcacherw -buildvcs=false -mod=readonly",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GOOS": system,
        "GOARCH": architecture,
        "CGO_ENABLED": "0",
        **(_SPEND_MEMORY if psutil.virtual_memory().total > _AMPLE_MEMORY else {}),
    }
    return environments.make(environments.GO, **settings)


def _user_config() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def wanted(recipe: Path) -> tuple[int, ...]:
    """The oldest Go release that may build a recipe."""
    found = re.search(r"^go (\d+(?:\.\d+)*)$", (recipe / "go.mod").read_text(), re.MULTILINE)
    asked = tuple(map(int, found[1].split("."))) if found else OLDEST
    return max(asked, OLDEST)


def check(recipe: Path) -> None:
    """Make sure that a Go of the right age is there.

    Raises:
        SourceFailed: there is none, or it is too old; the message says what to install.
    """
    need = wanted(recipe)
    text = ".".join(map(str, need))
    go = shutil.which("go")
    if not go:
        raise SourceFailed(f"no `go` on PATH: install Go >= {text}")
    try:
        answer = process.run([go, "version"], environment=environment(), timeout=_VERSION_TIMEOUT).stdout
    except LabError as error:
        raise SourceFailed(error.message) from error
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", answer)
    if not found or tuple(map(int, found[1].split("."))) < need:
        have = found[1] if found else answer.strip() or "unknown"
        raise SourceFailed(f"{go} is Go {have}, which is too old: install Go >= {text}")


def run(arguments: Sequence[str], *, cwd: Path, scratch: Path, log: Path, cancelled: threading.Event) -> str:
    """Run a go command in a process group of its own and return its standard output; messages go to the log.

    Args:
        arguments: after `go`.
        cwd: folder of the module.
        scratch: folder for temporary files.
        log: file for messages.
        cancelled: when set, the command is ended.

    Raises:
        SourceFailed: with the last lines of its messages, and where the rest is.
        OSError: the disk is full.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    printed: list[str] = []
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ go {' '.join(arguments)}\n")
    variables = environment() | {"GOTMPDIR": str(scratch)}
    with process.Running(
        ["go", *arguments], cwd=cwd, environment=variables, on_line=printed.append, log=log, new_group=True
    ) as command:
        while (code := command.wait(_POLL_INTERVAL)) is None:
            if cancelled.is_set():
                raise SourceFailed("interrupted")
    text = "\n".join(printed)
    if code:
        messages = log.read_text(encoding="utf-8", errors="replace")
        if "no space left on device" in messages + text:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        tail = "\n".join(f"    {line}" for line in [*messages.splitlines(), *printed][-_LAST_LINES:])
        raise SourceFailed(f"`go {arguments[0]}` ended with {code} (all of it: {log}):\n{tail}")
    return text


def module_folder(module: str, *, recipe: Path, scratch: Path, log: Path, cancelled: threading.Event) -> Path:
    """Download a module at the version that a recipe locks, checked by its go.sum; return its folder.

    Raises:
        SourceFailed: with the cause.
    """
    arguments = ("mod", "download", "-json", module)
    answer = run(arguments, cwd=recipe, scratch=scratch, log=log, cancelled=cancelled)
    return Path(str(json.loads(answer)["Dir"]))
