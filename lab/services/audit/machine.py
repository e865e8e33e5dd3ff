"""Leftovers on this machine: processes, ports, network namespaces, files, locks, credentials."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil

from lab.adapters import backend
from lab.core import paths
from lab.platforms.embedded.ports import is_free
from lab.services.audit import finding, record
from lab.services.audit.finding import AuditVerdict, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lab.adapters.stack import Stack

T = TypeVar("T")

_VARIABLES = ("KWOK_WORKDIR", "KUBECACHEDIR")
"""Variables that only the lab's processes point at a stack's folder; people export `KUBECONFIG` themselves."""

_COMMAND_LENGTH = 100
"""Characters of a command line that are shown."""


@dataclass(frozen=True, kw_only=True)
class OwnedProcess:
    """A process of a stack; `network` is its network namespace, if known."""

    pid: int
    command: str
    network: str

    def __str__(self) -> str:
        return f"{self.pid} {self.command[:_COMMAND_LENGTH]}"


def examine(stack: Stack) -> list[Finding]:
    """Look for what a stack can leave on this machine."""
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
        _locks(stack),
        _credentials(stack),
    ]


def processes(folders: Iterable[str]) -> list[OwnedProcess]:
    """Processes of a stack's folder, given by all its paths, without this process and its parents."""
    own, found = set(folders), []
    callers = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in callers:
            continue
        try:
            command = process.cmdline()
            if not command or process.status() == psutil.STATUS_ZOMBIE:
                continue  # kernel threads and zombies
            folder = _readable(process.cwd, "")
            environment: Mapping[str, str] = _readable(process.environ, {})
            if any(belongs(command, folder, environment, each) for each in own):
                network = network_of(str(process.pid))
                found.append(OwnedProcess(pid=process.pid, command=shlex.join(command), network=network))
        except psutil.Error:
            continue  # ended meanwhile
    return found


def belongs(command: Sequence[str], folder: str, environment: Mapping[str, str], stack_folder: str) -> bool:
    """Whether a process, by its command line, working folder and environment, belongs to a stack's folder."""

    def inside(path: str) -> bool:
        return path == stack_folder or path.startswith(f"{stack_folder}/")

    named = any(f"{stack_folder}/" in word or word.endswith(stack_folder) for word in command)
    return named or inside(folder) or any(inside(environment.get(v, "")) for v in _VARIABLES)


def network_of(pid: str) -> str:
    """The network namespace of a process; empty if it is not known."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink().name
    except OSError:
        return ""


def listeners(ports: Iterable[int], known: Mapping[int, int | None], own: Iterable[int]) -> tuple[list[int], list[int]]:
    """Split taken ports into those that may be the stack's, and those of other processes.

    `known` maps ports to the process that listens, as far as it is known; `own` are the stack's processes.
    """
    mine = set(own)
    strangers = [port for port in ports if (pid := known.get(port)) is not None and pid not in mine]
    return [port for port in ports if port not in strangers], strangers


def _ports(known: record.LabRecord | None, own: Sequence[int]) -> Finding:
    if known is None:
        note = "no `lab down` has written them down; none of a process above"
        return Finding(looked_at="ports", verdict=AuditVerdict.UNSEEN, note=note)
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
    """The stack's folder and its entries; an empty folder counts too."""
    if not directory.exists():
        return []
    return [str(directory), *sorted(str(each) for each in directory.iterdir())]


def _locks(stack: Stack) -> Finding:
    if backend.folder() is None:
        note = f"those in {backend.described()} are known to pulumi alone, whose next command names them"
        return Finding(looked_at="locks", verdict=AuditVerdict.UNSEEN, note=note)
    held = stack.lock()
    left = [f"of {held.holder}, since {held.since}{'' if held.alive else ', which is gone'}"] if held else []
    return finding.of("locks", left, remedy=f"pulumi cancel --yes --stack {stack.name}")


def _credentials(stack: Stack) -> Finding:
    title, files = "temporary kubeconfigs", [str(file) for file in record.kubeconfigs(stack)]
    known = record.last(stack)
    if (known is None or not known.server) and any(paths.temporary_dir().glob(record.TEMPORARY)):
        note = f"no `lab down` has written down which of those in {paths.temporary_dir()} are its own"
        return Finding(looked_at=title, verdict=AuditVerdict.UNSEEN, note=note)
    return finding.of(title, files, remedy=f"rm {shlex.join(files)}")


def _readable(read: Callable[[], T], default: T) -> T:
    """What is read of a process; the default where the system does not allow it."""
    try:
        return read()
    except (psutil.Error, OSError):
        return default
