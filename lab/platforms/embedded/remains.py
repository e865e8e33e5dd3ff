"""Processes that belong to a lab's folder, told by what they are: pid files may be gone, or name strangers."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from lab.adapters import process_tree
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

T = TypeVar("T")

_SERVERS = frozenset(
    {
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller", "metrics-server"),
        *("kwokctl", "pilot-discovery", "rollouts-controller", "prometheus", "envoy"),
    }
)
"""Programs that nobody but the lab starts on a stack's folder."""

_DATA_PLANE = "lab.platforms.dataplane"
"""The module of the data plane's agent."""

_VARIABLES = ("KWOK_WORKDIR", "KUBECACHEDIR")
"""Variables that only the lab's processes point at a stack's folder; people export `KUBECONFIG` themselves."""

_BEFORE_PATH = r"(?:^|[=:,]|://)"
"""The characters before a path in a word of a command line: another lab's path may end with the same folders."""

_COMMAND_LENGTH = 100
"""Characters of a command line that are shown."""

_ROUNDS = 3
"""Rounds of finding and ending: a process may have started another meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """A process as others see it.

    Attributes:
        command: its words.
        folder: where it works; empty if that is not known.
        environment: its variables, as far as they can be read.
        files: what it has open; only looked at for one of the lab's programs.
    """

    command: Sequence[str]
    folder: str = ""
    environment: Mapping[str, str]
    files: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Remain:
    """A process that belongs to a folder.

    Attributes:
        process: the process.
        command: its command line.
        network: its network namespace, if known.
        own: whether the lab has started it; another may be an editor or a shell of the user.
    """

    process: psutil.Process
    command: str
    network: str
    own: bool

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def __str__(self) -> str:
        return f"{self.pid} {self.command[:_COMMAND_LENGTH]}"


def find(*directories: Path) -> list[Remain]:
    """Find what belongs to folders and everything inside, without this process and its parents.

    A folder need not be there any more. The processes of one that was moved are found by its new name and its old.
    """
    folders = {form for directory in directories for form in forms(directory)}
    callers = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found, written = [], _written_down(directories)
    for process in psutil.process_iter():
        if process.pid in callers:
            continue
        try:
            traits = _traits(process)
            if traits and any(belongs(traits, folder) for folder in folders):
                found.append(
                    Remain(
                        process=process,
                        command=shlex.join(traits.command),
                        network=network_of(str(process.pid)),
                        own=process.pid in written or any(is_own(traits, folder) for folder in folders),
                    )
                )
        except psutil.Error:
            continue  # ended meanwhile
    return found


def end(*directories: Path) -> list[Remain]:
    """Kill what the lab has started in folders, with all that it has started itself; return what was there.

    An API server without its etcd ignores every other signal, and so does a process that was stopped.

    Raises:
        LabError: something still runs.
    """
    ended: list[Remain] = []
    for _ in range(_ROUNDS):
        if not (own := [each for each in find(*directories) if each.own]):
            return ended
        process_tree.stop([each.process for each in own], grace=0)
        known = {each.pid for each in ended}
        ended += [each for each in own if each.pid not in known]
    if left := [each for each in find(*directories) if each.own]:
        raise LabError(
            "\n".join(("These processes of the lab cannot be ended:", *(f"  {each}" for each in left))),
            f"end them as the user who started them: sudo {kill_command(each.pid for each in left)}",
        )
    return ended


def kill_command(pids: Iterable[int]) -> str:
    """Return the command that ends processes, also those that were stopped or wait for a server that is gone."""
    return f"kill -9 {' '.join(map(str, pids))}"


def forms(directory: Path) -> set[str]:
    """Return the ways in which processes name a folder."""
    return {str(directory), str(directory.absolute()), str(directory.resolve())}


def belongs(traits: Traits, folder: str) -> bool:
    """Check whether a process belongs to a folder, by its command line, its place, its variables or its files."""
    path = re.compile(f"{_BEFORE_PATH}{re.escape(folder)}(?:/|$)")
    return (
        any(path.search(word) for word in traits.command)
        or _points_at(traits.environment, folder)
        or any(_inside(each, folder) for each in (traits.folder, *traits.files))
    )


def is_own(traits: Traits, folder: str) -> bool:
    """Check whether the lab has started a process that belongs to a folder: a user's editor may name it as well."""
    if _points_at(traits.environment, folder) or _inside(traits.command[0], folder):
        return True
    return _is_server(traits.command) and belongs(traits, folder)


def network_of(pid: str) -> str:
    """Return the network namespace of a process; empty if it is not known."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink().name
    except OSError:
        return ""


def _traits(process: psutil.Process) -> Traits | None:
    """Read a process; None for kernel threads and for those that have ended."""
    nothing: list[str] = []
    no_variables: dict[str, str] = {}
    command = _readable(process.cmdline, nothing)
    if not command or process.status() == psutil.STATUS_ZOMBIE:
        return None
    return Traits(
        command=command,
        folder=_readable(process.cwd, ""),
        environment=_readable(process.environ, no_variables),
        files=_readable(lambda: [each.path for each in process.open_files()], nothing) if _is_server(command) else (),
    )


def _is_server(command: Sequence[str]) -> bool:
    # An interpreter comes before the name of a script.
    return any(Path(word).name in _SERVERS for word in command[:2]) or _DATA_PLANE in command


def _written_down(directories: Iterable[Path]) -> set[int]:
    """Return the process ids in the pid files of folders; some may be of strangers by now."""
    found = set()
    for file in (each for directory in directories for each in directory.rglob("*.pid")):
        with contextlib.suppress(OSError, ValueError):
            found.add(int(file.read_text()))
    return found


def _points_at(environment: Mapping[str, str], folder: str) -> bool:
    return any(_inside(environment.get(name, ""), folder) for name in _VARIABLES)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _readable(read: Callable[[], T], default: T) -> T:
    """Return what is read of a process; the default where the system does not allow it."""
    try:
        return read()
    except (psutil.AccessDenied, OSError):
        return default
