"""The real controller of Argo Rollouts as a host process against the embedded control plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import environment, process, process_tree
from lab.core.errors import LabError
from lab.core.namespaces import ARGO_ROLLOUTS
from lab.core.wait import poll
from lab.platforms.embedded import login
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

    from lab.platforms.embedded.control_plane import ControlPlane

_PROGRAM = "rollouts-controller"

_NO_ELECTION = "--leader-elect=false"

_NO_PORT = 65536
"""An invalid port: the controller would listen on every address, which no option changes. Where it cannot listen, it
logs that and works all the same."""

_START_TIMEOUT = 0.5
"""Seconds within which a controller that cannot start has ended."""


@dataclass(frozen=True, kw_only=True)
class RolloutsController:
    """The controller beside one control plane."""

    control_plane: ControlPlane

    def start(self) -> None:
        """Restart it; it catches up with all changes.

        Raises:
            LabError: it ended at once.
        """
        stop(self.control_plane.directory)
        password = login.password(self.control_plane.directory)
        process.start_detached(
            [
                str(toolchain.path(_PROGRAM)),
                f"--kubeconfig={self.control_plane.kubeconfig}",
                _NO_ELECTION,
                f"--healthzPort={_NO_PORT}",
                f"--metricsPort={_NO_PORT}",
                "--loglevel=info",
            ],
            pid_file=_pid_file(self.control_plane.directory),
            log=self._log,
            environment=environment.make(
                environment.SERVER,
                POD_NAMESPACE=ARGO_ROLLOUTS,
                # Names of Services lead nowhere on this machine. What it asks in plain HTTP are metrics, and
                # Prometheus answers a request that is addressed to a proxy as if it were its own.
                HTTP_PROXY=f"http://{login.USER}:{password}@{LOOPBACK}:{self.control_plane.ports.prometheus}",
            ),
        )
        if poll(lambda: _find(self.control_plane.directory) is None, timeout=_START_TIMEOUT, interval=0.05):
            raise LabError(
                f"the controller of Argo Rollouts ended at once: {process.tail(self._log)}", f"its log is {self._log}"
            )

    def health(self) -> str:
        """`running`, `dead`, or `frozen`. It has no port that could be asked."""
        if (found := _find(self.control_plane.directory)) is None:
            return "dead"
        return "frozen" if process_tree.frozen(found) else "running"

    @property
    def healthy(self) -> bool:
        """Whether it runs."""
        return self.health() == "running"

    @property
    def _log(self) -> Path:
        return log_file(self.control_plane.directory)


def log_file(directory: Path) -> Path:
    """Return the controller's log in a control plane's folder."""
    return _pid_file(directory).with_suffix(".log")


def stop(directory: Path) -> None:
    """Stop the controller of a control plane's folder, if it runs."""
    # What it knows is in the cluster.
    marks = (_NO_ELECTION, _mark(directory))
    process_tree.stop({*filter(None, [_find(directory)]), *process_tree.find_all(marks)}, grace=0)
    _pid_file(directory).unlink(missing_ok=True)


def _find(directory: Path) -> psutil.Process | None:
    return process_tree.find(_pid_file(directory), _mark(directory))


def _mark(directory: Path) -> str:
    return f"--kubeconfig={directory / 'kubeconfig'}"


def _pid_file(directory: Path) -> Path:
    return directory / "rollouts" / "controller.pid"
