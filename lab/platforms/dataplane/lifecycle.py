"""Lifecycle of an embedded lab's data plane."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lab.adapters import environment, files, process, process_tree
from lab.core import paths
from lab.core.errors import LabError
from lab.core.progress import Progress
from lab.core.wait import poll, wait_until
from lab.platforms.embedded.ports import require_free
from lab.toolchain import applications

if TYPE_CHECKING:
    from lab.platforms.embedded.control_plane import ControlPlane

_PROGRAMS = ("unshare", "nsenter", "ip", "mount", "hostname", "sh")
"""From util-linux, iproute2 and the base system."""

_OWN_RUN = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"'
"""A private `/run`, which vanishes with the last process."""

_PROBE = (
    "mkdir /run/netns && touch /run/netns/one /run/netns/two "
    "&& unshare --net=/run/netns/one true && unshare --net=/run/netns/two true "
    "&& ip -n one link add wire type veth peer name eth0 netns two "
    "&& ip -n one link add pods type bridge && ip -n two link set lo up"
)

_READY_TIMEOUT = 30.0
"""Seconds; a second is usual, unless the packages of the applications have to be brought."""

_RUNNING, _DEAD, _FROZEN, _SILENT = "running", "dead", "frozen", "not answering"

_SIGN_OF_LIFE = 15.0
"""Seconds within which a working agent marks that it works; it does so every second."""

_MODULE = "lab.platforms.dataplane"
"""The agent, as Python runs it."""


@dataclass(frozen=True, kw_only=True)
class DataPlane:
    """Real workloads beside one control plane, and with `metrics` a Prometheus that counts their requests."""

    control_plane: ControlPlane
    metrics: bool = False

    def start(self) -> None:
        """Restart it, unless this machine cannot run one.

        Raises:
            LabError: it ended at once.
        """
        directory = self.control_plane.directory
        stop(directory)
        if unavailable():
            return
        # Here and not in the agent, which gets nothing of the user's settings for pip and the network.
        applications.ensure(Progress(sys.stdout))
        folder, ports = _folder(directory), self.control_plane.ports
        require_free("the data plane", ports.ingress_http, *([ports.prometheus] if self.metrics else []))
        shutil.rmtree(folder, ignore_errors=True)
        files.folder(folder)
        process.start_detached(
            [
                *_namespaces(),
                "sh",
                "-c",
                _OWN_RUN,
                "sh",
                sys.executable,
                "-m",
                _MODULE,
                _mark(directory),
                f"--istiod-xds={ports.istiod_xds}",
                f"--ingress-http={ports.ingress_http}",
                f"--logs={folder}",
                *([f"--prometheus={ports.prometheus}"] if self.metrics else []),
            ],
            pid_file=folder / "agent.pid",
            log=self._log,
            environment=_variables(),
        )
        remedy = f"its log is {self._log}"

        def ready() -> bool:
            if (folder / "ready").exists():
                return True
            if agent(directory) is None:
                raise LabError(f"the data plane ended at once: {process.tail(self._log)}", remedy)
            return False

        wait_until(ready, timeout=_READY_TIMEOUT, interval=0.02, what="the data plane was not ready", remedy=remedy)

    def health(self) -> str:
        """`running`, or why not: `dead`, `frozen` or `not answering`, or why this machine cannot have one."""
        directory = self.control_plane.directory
        if (outer := _outer(directory)) is None or agent(directory) is None:
            return unavailable() or _DEAD
        # A frozen program of a Pod, or its proxy, never answers, and nothing else tells of it.
        if any(map(process_tree.frozen, process_tree.tree(outer.pid))):
            return _FROZEN
        return _RUNNING if _works(_folder(directory) / "ready") else _SILENT

    @property
    def healthy(self) -> bool:
        """Check that it works, on a machine that can run it."""
        return self.health() not in (_DEAD, _FROZEN, _SILENT)

    @property
    def _log(self) -> Path:
        return _folder(self.control_plane.directory) / "agent.log"


def unavailable() -> str:
    """Return why this machine cannot run a data plane; empty when it can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if missing := [name for name in _PROGRAMS if not shutil.which(name)]:
        return f"{missing[0]} is not installed (util-linux, iproute2)"
    command = [*_namespaces(), "sh", "-c", _OWN_RUN, "sh", "sh", "-c", _PROBE]
    done = process.run(command, check=False)
    if not done.code:
        return ""
    return f"the kernel allows no network namespaces here ({done.last_words.splitlines()[-1]})"


def agent(directory: Path) -> psutil.Process | None:
    """Find the first process of a lab's data plane, as this machine sees it."""
    if (outer := _outer(directory)) is None:
        return None
    try:
        return next(iter(outer.children()), outer)
    except psutil.NoSuchProcess:
        return None


def stop(directory: Path) -> None:
    """Stop a lab's data plane with all its processes, if it runs."""
    outer = _outer(directory)
    # The kernel ends every process of a process-id namespace with its first one, and its networks with the last.
    process_tree.stop({*filter(None, [outer]), *process_tree.find_all((_MODULE, _mark(directory)))}, grace=0)
    (_folder(directory) / "agent.pid").unlink(missing_ok=True)


def inside(directory: Path, pod: str) -> list[str]:
    """Return the command prefix that starts a process in one of the Pods.

    Args:
        directory: the lab's folder.
        pod: its name, or the beginning of it, a dot, and its namespace.

    Raises:
        LabError: the data plane does not run, or not this Pod.
    """
    from lab.platforms.dataplane import sandbox

    if (first := agent(directory)) is None:
        why = unavailable()
        raise LabError(
            f"the data plane does not run{f': {why}' if why else ''}",
            "" if why else "start it again: make up",
        )
    here = sandbox.names(first.pid)
    name, _, namespace = pod.rpartition(".")
    fitting = [each for each in here if each == pod or (each.startswith(f"{name}-") and each.endswith(f".{namespace}"))]
    if not fitting:
        raise LabError(f"no Pod {pod} really runs here", f"these do: {', '.join(here)}")
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    place = sandbox.Sandbox(name=fitting[0], index=0, address="")
    return ["nsenter", f"--target={first.pid}", *user, "--mount", "--pid", *place.inside()]


def _variables() -> dict[str, str]:
    """Make the agent's environment: where its programs and the lab's are, and nothing else of the user's shell."""
    folders = [Path(found).parent for name in _PROGRAMS if (found := shutil.which(name))]
    return environment.make(
        environment.SERVER,
        PATH=os.pathsep.join(dict.fromkeys(map(str, folders))),
        PYTHONPATH=str(paths.PROJECT),
        ISTIO_LAB_HOME=str(paths.home().absolute()),
        ISTIO_LAB_CACHE=str(paths.cache().absolute()),
    )


def _namespaces() -> list[str]:
    """Build the prefix that creates the namespaces; users other than root need a user namespace for that."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _works(mark: Path) -> bool:
    """Wait for a sign of life that is no older than this question, or for a fresh one."""
    asked = time.time() - _SIGN_OF_LIFE

    def seen() -> bool:
        try:
            return mark.stat().st_mtime >= asked
        except OSError:
            return False

    return poll(seen, timeout=_SIGN_OF_LIFE)


def _outer(directory: Path) -> psutil.Process | None:
    return process_tree.find(_folder(directory) / "agent.pid", _mark(directory))


def _mark(directory: Path) -> str:
    return f"--kubeconfig={directory / 'kubeconfig'}"


def _folder(directory: Path) -> Path:
    return directory / "dataplane"
