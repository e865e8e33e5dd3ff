"""Another user of the machine, who tries every socket of a lab that stands: a real uid, with nothing of the owner's.

It finds the sockets by itself, so that a new one is tried as well. What may answer, and with what, is a list here,
and the one of docs/security.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from lab.platforms.dataplane import lifecycle
from tests.engine.laboratory import runs
from tests.engine.probes import Listener, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.engine.laboratory import Laboratory

NOBODY = 65534

OPEN = {
    "kube-apiserver": {"/healthz", "/livez", "/readyz", "/version"},
    "metrics-server": {"/healthz", "/livez", "/readyz", "/version"},
    # Readiness, numbers and the version.
    "pilot-discovery": {"/metrics", "/ready", "/version", "POST /inject", "POST /validate"},
    # Names of simulated Pods with their simulated usage: kwok's server knows no login.
    "kwok-controller": {
        *("/discovery/prometheus", "/healthz", "/livez", "/metrics", "/readyz"),
        "/metrics/nodes/lab-node-0/metrics/resource",
    },
    # The page of the lesson, through the ingress gateway.
    "agent": {"/productpage"},
}
"""What a process may answer with success, to whom has no credential."""


@dataclass(frozen=True)
class Answer:
    """What somebody without a credential was told."""

    listener: Listener
    asked: str
    status: int
    body: bytes


def require_root() -> None:
    """Skip a test where nobody can become another user."""
    if os.geteuid():
        pytest.skip("only root can become another user")


def processes(laboratory: Laboratory) -> list[psutil.Process]:
    """Return every process of the labs of a project, those in their namespaces included."""
    stacks = laboratory.project / ".lab" / "stacks"
    agents = [found for each in stacks.iterdir() if (found := lifecycle.agent(each))]
    inside = [each for agent in agents for each in (agent, *agent.children(recursive=True))]
    found = {each.pid: each for each in [*laboratory.processes(), *inside] if runs(each)}
    return list(found.values())


def listeners(found: Iterable[psutil.Process]) -> list[Listener]:
    """Find every socket that these processes listen on in this machine's own network, as its superuser sees it."""
    own = Path("/proc/self/ns/net").readlink()
    listening = []
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            if Path(f"/proc/{process.pid}/ns/net").readlink() != own:
                continue  # nobody else gets into a network of the lab's
            owner = "agent" if process.name().startswith("python") else process.name()
            for each in process.net_connections(kind="inet"):
                bound = each.status == psutil.CONN_LISTEN or (each.type == socket.SOCK_DGRAM and not each.raddr)
                if bound:
                    kind = "" if each.type == socket.SOCK_STREAM else " (udp)"
                    listening.append(Listener(owner=owner + kind, host=each.laddr.ip, port=each.laddr.port))
            listening += [Listener(owner=owner, path=path) for path in _unix_sockets(process)]
    return listening


def _unix_sockets(process: psutil.Process) -> Iterator[str]:
    """Yield where a process listens; an abstract name begins with @."""
    inodes = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(descriptor.readlink()))
    for line in Path(f"/proc/{process.pid}/net/unix").read_text(encoding="utf-8").splitlines()[1:]:
        words = line.split()
        listens = int(words[3], 16) & 0x10000
        if len(words) > 7 and listens and f"socket:[{words[6]}]" in inodes:
            yield words[7]


def as_nobody(work: Callable[[], object]) -> object:
    """Return what a function finds when another user calls it, without any variable."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        assert said, "the other user ended without a word"
        found = json.loads(said)
        assert "failed" not in found, found["failed"]
        return found["found"]
    try:
        os.close(reading)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os.environ.clear()
        os.chdir("/")
        try:
            result = {"found": work()}
        except BaseException as error:  # noqa: BLE001 - told to the other process
            result = {"failed": repr(error)}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(result).encode())
    finally:
        os._exit(0)


def try_all(found: Iterable[Listener], pids: Iterable[int]) -> tuple[list[Answer], list[str]]:
    """Try every socket and every process as another user: the answers of success, and what else was possible."""
    sockets, others = list(found), list(pids)

    def work() -> object:
        with ThreadPoolExecutor(16) as pool:
            told = list(pool.map(attempt, sockets))
        return {"told": told, "read": [each for pid in others for each in _read(pid)]}

    result = as_nobody(work)
    assert isinstance(result, dict)
    answers = [
        Answer(listener, asked, status, body.encode("latin-1"))
        for listener, each in zip(sockets, result["told"], strict=True)
        for asked, status, body in each
    ]
    return answers, result["read"]


def _read(pid: int) -> Iterator[str]:
    """Try what /proc has of a process."""
    for name in ("environ", "mem", "maps"):
        with contextlib.suppress(OSError), Path(f"/proc/{pid}/{name}").open("rb") as file:
            if file.read(1):
                yield f"/proc/{pid}/{name}"
    for name in ("root", "cwd", "fd"):
        with contextlib.suppress(OSError):
            list(Path(f"/proc/{pid}/{name}").iterdir())
            yield f"/proc/{pid}/{name}/"
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        yield f"a signal to {pid}"


def intrusions(laboratory: Laboratory) -> list[str]:
    """Try everything at all labs of a project; return what is answered or read that no list allows."""
    found = processes(laboratory)
    listening = listeners(found)
    assert {"etcd", "kube-apiserver"} <= {each.owner for each in listening}
    answers, read = try_all(listening, [each.pid for each in found])
    return [*surplus(answers), *read]


def surplus(answers: Iterable[Answer]) -> list[str]:
    """Return the answers that the list does not allow."""
    return sorted(
        {
            f"{each.listener.owner}: {each.asked} ({each.status}, {len(each.body)} bytes)"
            for each in answers
            if each.asked not in OPEN.get(each.listener.owner, set())
        }
    )


def told(answers: Iterable[Answer], secrets: Mapping[str, bytes]) -> list[str]:
    """Return which secrets are in an answer."""
    return sorted(
        {
            f"{each.listener.owner} {each.asked}: {name}"
            for each, (name, value) in product(answers, secrets.items())
            if value in each.body
        }
    )


def loose(folder: Path) -> list[str]:
    """Return what somebody else could change in a folder.

    kubectl's caches have modes of their own. Where plain pulumi worked before, the engine's files have the modes that
    the user's umask gave them, in a folder that nobody else may enter.
    """
    plain = (folder / "pulumi", folder / "state")
    return sorted(
        str(each)
        for each in (folder, *folder.rglob("*"))
        if not each.is_symlink()
        and not {"cache", "kubectl-cache"} & set(each.parts)
        and not any(each.is_relative_to(one) for one in plain)
        and each.stat().st_mode & 0o022
    )
