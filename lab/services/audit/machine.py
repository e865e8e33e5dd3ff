"""What a lab leaves on this machine: processes, ports, network namespaces, files, locks, credentials."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lab.core import paths
from lab.platforms.embedded.ports import is_free
from lab.services.audit import finding, record
from lab.services.audit.finding import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.adapters.stack import Stack

_VARIABLES = ("KWOK_WORKDIR", "KUBECACHEDIR")
"""Variables that only the lab's own processes have with a stack's folder in them. `KUBECONFIG` is none of them: people
export it in their terminals, whose processes are their own."""

_LONGEST = 100
"""Characters of a command line that are shown."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A process that belongs to a stack.

    Attributes:
        pid: its number.
        command: its command line.
        network: its network namespace; empty where it cannot be told.
    """

    pid: int
    command: str
    network: str

    def __str__(self) -> str:
        return f"{self.pid} {self.command[:_LONGEST]}"


def examine(stack: Stack) -> list[Finding]:
    """Look at all that a stack can leave on this machine."""
    folders = {str(stack.directory), str(stack.directory.resolve())}
    running = processes(folders)
    pids = [each.pid for each in running]
    ended = f"kill {' '.join(map(str, pids))}"
    own = network_of("self")
    networks = sorted({each.network for each in running if each.network and each.network != own})
    return [
        finding.of("processes", [str(each) for each in running], remedy=ended),
        _ports(record.last(stack), pids),
        finding.of("network namespaces", networks, remedy=ended),
        finding.of("files", _files(stack.directory), remedy=f"lab down{stack.option}"),
        finding.of("locks", _locks(stack), remedy=f"pulumi cancel --yes --stack {stack.name}"),
        _credentials(stack),
    ]


def processes(folders: Iterable[str]) -> list[Running]:
    """The processes that belong to a stack's folder, but for this one and those that called it.

    Args:
        folders: the folder's path, also as the kernel knows it.
    """
    places, found = set(folders), []
    callers = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in callers:
            continue
        try:
            command = process.cmdline()
            if not command or process.status() == psutil.STATUS_ZOMBIE:
                continue  # threads of the kernel, and what has ended
            if any(belongs(command, _folder_of(process), _environment_of(process), place) for place in places):
                found.append(
                    Running(pid=process.pid, command=shlex.join(command), network=network_of(str(process.pid)))
                )
        except psutil.Error:
            continue  # it has ended meanwhile
    return found


def belongs(command: Sequence[str], folder: str, environment: Mapping[str, str], place: str) -> bool:
    """Whether a process is one of a stack's.

    Args:
        command: the words of its command line.
        folder: where it works.
        environment: its variables.
        place: the stack's own folder.
    """

    def inside(path: str) -> bool:
        return path == place or path.startswith(f"{place}/")

    named = any(f"{place}/" in word or word.endswith(place) for word in command)
    return named or inside(folder) or any(inside(environment.get(v, "")) for v in _VARIABLES)


def network_of(pid: str) -> str:
    """The network namespace of a process; empty where there are none, or it may not be told."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink().name
    except OSError:
        return ""


def listeners(ports: Iterable[int], known: Mapping[int, int | None], own: Iterable[int]) -> tuple[list[int], list[int]]:
    """Split ports on which somebody listens: those that are or may be the stack's, and those of strangers.

    Args:
        ports: those that are not free.
        known: who listens, as far as it can be told: process ids by port.
        own: process ids of the stack.
    """
    mine = set(own)
    strangers = [port for port in ports if (pid := known.get(port)) is not None and pid not in mine]
    return [port for port in ports if port not in strangers], strangers


def _ports(known: record.Record | None, own: Sequence[int]) -> Finding:
    if known is None:
        note = "no `lab down` has written them down; none of a process above"
        return Finding(looked_at="ports", verdict=Verdict.UNSEEN, note=note)
    taken = [port for port in known.ports.values() if not is_free(port)]
    left, strangers = listeners(taken, _listening(), own) if taken else ([], [])
    note = f"{', '.join(map(str, strangers))}: taken by another program since" if strangers else ""
    return finding.of(
        "ports",
        [str(port) for port in left],
        note=note or (f"{len(known.ports)} looked at" if known.ports else ""),
        remedy="ss -ltnp shows who listens",
    )


def _listening() -> dict[int, int | None]:
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return {}
    return {each.laddr.port: each.pid for each in found if each.laddr and each.status == psutil.CONN_LISTEN}


def _files(directory: Path) -> list[str]:
    """The stack's folder with what is in it; an empty folder is something, too."""
    if not directory.exists():
        return []
    return [str(directory), *sorted(str(each) for each in directory.iterdir())]


def _locks(stack: Stack) -> list[str]:
    held = stack.lock()
    return [f"of process {held.pid}, since {held.since}{'' if held.alive else ', which is gone'}"] if held else []


def _credentials(stack: Stack) -> Finding:
    title, files = "temporary kubeconfigs", [str(file) for file in record.kubeconfigs(stack)]
    known = record.last(stack)
    if (known is None or not known.server) and any(paths.temporary_dir().glob(record.TEMPORARY)):
        note = f"no `lab down` has written down which of those in {paths.temporary_dir()} are its own"
        return Finding(looked_at=title, verdict=Verdict.UNSEEN, note=note)
    return finding.of(title, files, remedy=f"rm {shlex.join(files)}")


def _folder_of(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except (psutil.Error, OSError):
        return ""


def _environment_of(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
