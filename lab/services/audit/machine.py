"""Leftovers on this machine: processes, ports, network namespaces, files, locks, credentials."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import psutil

from lab.adapters import backend
from lab.core import paths
from lab.platforms.embedded import remains
from lab.platforms.embedded.ports import is_free
from lab.services.audit import finding, record
from lab.services.audit.finding import AuditVerdict, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lab.adapters.stack import Stack


def examine(stack: Stack) -> list[Finding]:
    """Look for what a stack can leave on this machine."""
    running = remains.find(stack.directory)
    pids = [each.pid for each in running]
    ended = _end(running, stack)
    own = remains.network_of("self")
    networks = sorted({each.network for each in running if each.network and each.network != own})
    return [
        finding.of("processes", [str(each) for each in running], remedy=ended),
        _ports(record.last(stack), pids),
        finding.of("network namespaces", networks, remedy=ended),
        finding.of("files", _files(stack.directory), remedy=f"lab down{stack.option}"),
        _locks(stack),
        _credentials(stack),
    ]


def _end(running: Sequence[remains.Remain], stack: Stack) -> str:
    """Return the commands that end processes; `down` leaves an editor or a shell of the user's alone."""
    others = [each.pid for each in running if not each.own]
    down = [f"lab down{stack.option}"] if len(others) < len(running) else []
    return "\n".join([*down, *([remains.kill_command(others)] if others else [])])


def listeners(ports: Iterable[int], known: Mapping[int, int | None], own: Iterable[int]) -> tuple[list[int], list[int]]:
    """Split taken ports into those that may be the stack's, and those of other processes.

    `known` maps ports to the process that listens, as far as it is known; `own` are the stack's processes.
    """
    mine = set(own)
    strangers = [port for port in ports if (pid := known.get(port)) is not None and pid not in mine]
    return [port for port in ports if port not in strangers], strangers


def _ports(known: record.LabRecord | None, own: Sequence[int]) -> Finding:
    """Ports that the last `lab down` wrote down, and those on which processes of the stack listen now."""
    open_ports = _listening()
    recorded = set(known.ports.values()) if known else set()
    ports = sorted(recorded | {port for port, pid in open_ports.items() if pid in set(own)})
    if known is None and not ports:
        note = "no `lab down` has written them down, and no process of the stack runs that would listen"
        return Finding(looked_at="ports", verdict=AuditVerdict.UNSEEN, note=note)
    left, strangers = listeners([port for port in ports if not is_free(port)], open_ports, own)
    note = f"{', '.join(map(str, strangers))}: taken by another program since" if strangers else ""
    return finding.of(
        "ports",
        [str(port) for port in left],
        note=note or (f"{len(ports)} looked at" if ports else ""),
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
