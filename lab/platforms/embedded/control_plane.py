"""etcd, API server, controller-manager, scheduler and kwok as host processes, made and started by kwokctl.

metrics-server runs beside them. It is not kwokctl's: that would have it ask the nodes by addresses which lead nowhere,
and would fetch its manifest from the Internet.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lab import toolchain
from lab.adapters import environment, files, kubectl, process, process_tree
from lab.core import paths
from lab.core.errors import LabError
from lab.core.wait import poll
from lab.platforms.embedded import component_flags, kwokctl, metrics_server, moved, nodes, remains, work_folder
from lab.platforms.embedded.health import Server, Tls
from lab.platforms.embedded.ports import LOOPBACK, Ports, require_free

if TYPE_CHECKING:
    import psutil

    from lab.platforms.embedded.nodes import NodeSpec

_KWOKCTLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")

_FIRST = ("etcd", "kube-apiserver")
"""Needed by the others, of which one that ends before these two are ready is started again."""

COMPONENTS = (*_KWOKCTLS, metrics_server.NAME)
"""kwokctl's names, which are also those of its pid files, logs and binaries; and one that is treated the same."""

_KWOK = Path(__file__).with_name("kwok.yaml")

DEAD, FROZEN, _RUNNING, _NOT_READY, _OUTDATED = "dead", "frozen", "running", "not ready", "outdated"

_READY_TIMEOUT = 90.0
"""Seconds; about 4 are usual, a loaded machine with a cold disk needs more."""

_START_TIMEOUT = 0.5
"""Seconds within which a component that cannot start has ended."""


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """One embedded control plane."""

    directory: Path
    ports: Ports

    @property
    def kubeconfig(self) -> Path:
        """Administrator credentials (mode 0600)."""
        return self.directory / "kubeconfig"

    @property
    def exists(self) -> bool:
        """Whether its data exists."""
        return (self._cluster / "etcd").is_dir() and self.kubeconfig.is_file()

    def require_data(self) -> None:
        """Require the data of a lab that was up.

        Raises:
            LabError: it is gone, and with it everything that stood in the cluster.
        """
        if not self.exists:
            raise LabError(
                f"the data of the embedded control plane in {self.directory} is gone",
                "take down what is left and begin anew: make down && make up",
            )

    def create(self, spec: NodeSpec) -> None:
        """Create the control plane; the remains of a failed attempt are removed first.

        Raises:
            LabError: a port is taken, or a component does not come up.
        """
        self._remove_remains()
        require_free("the embedded control plane", *self.ports.control_plane)
        files.folder(self.directory)
        config = files.write(self.directory / "kwokctl.yaml", yaml.safe_dump(self._configuration()))
        self._configure_kwok()
        # By its name alone: kwokctl takes a comma or a quote in this option for one between several files.
        self._kwokctl("create", "cluster", "--config", config.name, "--kubeconfig", str(self.kubeconfig))
        # kwokctl's file names the certificates' files; Pulumi's provider and other folders need them inside.
        files.write(self.kubeconfig, kubectl.run(self.kubeconfig, "config", "view", "--raw", "--flatten"))
        self._wait_until_ready()
        self._start_metrics_server()
        self.apply_nodes(spec)

    def start(self) -> None:
        """Restart every component on the existing data."""
        self.stop()
        moved.adapt(self.directory, self._cluster)
        require_free("the embedded control plane", *self.ports.control_plane)
        self._configure_kwok()
        self._save_flags()
        self._kwokctl("start", "cluster")
        self._wait_until_ready()
        self._start_metrics_server()

    def stop(self) -> None:
        """Stop every component and delete its pid file, so that kwokctl never meets a reused pid."""
        # A kwokctl whose command was killed would start the next component a moment later.
        process_tree.stop(kwokctl.at_work(self.directory), grace=0)
        process_tree.stop(_running(self._cluster), grace=2.0)
        for name in COMPONENTS:
            _pid_file(self._cluster, name).unlink(missing_ok=True)

    def apply_nodes(self, spec: NodeSpec) -> None:
        """Apply the nodes of the settings, and the metrics API."""
        manifest = f"{nodes.manifest(spec)}---\n{metrics_server.manifest(self.ports.metrics_server)}"
        kubectl.run(self.kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)

    def remove_surplus_nodes(self, spec: NodeSpec) -> None:
        """Delete the nodes that are no longer in the settings."""
        present = kubectl.run(self.kubeconfig, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()
        if surplus := sorted(set(present) - set(nodes.names(spec))):
            kubectl.run(self.kubeconfig, "delete", "node", *surplus)

    def compose_schema(self) -> None:
        """Let the API server compose its OpenAPI schema in the background.

        It does so at the first request after new CRDs, which takes more than a second of the next preview otherwise.
        """
        process.start_detached(
            # The binary form, as for Pulumi's provider: each form is composed on its own.
            kubectl.command(self.kubeconfig, "explain", "namespace", "--output=plaintext-openapiv2"),
            pid_file=self.directory / "schema" / "kubectl.pid",
            log=Path(os.devnull),
            environment=environment.make(environment.SERVER, KUBECACHEDIR=str(self._schema_cache)),
        )

    def health(self) -> dict[str, str]:
        """Return each component's state.

        It is `running`, `dead`, `frozen` for one that was stopped by a signal, `not ready` for one that does not
        answer, or `outdated` for one that an earlier version of this program has started with other flags.
        """
        states = self.processes()
        if set(states.values()) != {_RUNNING}:
            return states  # The others wait for it, or are started again with it.
        return states | {name: _NOT_READY for name, server in self._servers.items() if not server.patiently()}

    def processes(self) -> dict[str, str]:
        """Return the state of each component's process, whether or not it answers."""
        return {name: self._state(name) for name in COMPONENTS}

    @property
    def healthy(self) -> bool:
        """Whether every component runs and the API server answers."""
        return set(self.health().values()) == {_RUNNING}

    @property
    def _servers(self) -> dict[str, Server]:
        """The components that can be asked; the controllers have no port."""
        pki, ports = self._cluster / "pki", self.ports
        tls = Tls(authority=pki / "ca.crt", certificate=pki / "admin.crt", key=pki / "admin.key")
        return {
            "etcd": Server(f"https://{LOOPBACK}:{ports.etcd}/health", tls),
            "kube-apiserver": Server(f"https://{LOOPBACK}:{ports.kube_apiserver}/readyz", tls),
            "kwok-controller": Server(f"http://{LOOPBACK}:{ports.kwok_controller}/healthz"),
            metrics_server.NAME: Server(f"https://{LOOPBACK}:{ports.metrics_server}/livez", tls),
        }

    @property
    def _cluster(self) -> Path:
        return work_folder.cluster(self.directory)

    @property
    def _schema_cache(self) -> Path:
        return self.directory / "schema" / "cache"

    @property
    def _flags(self) -> tuple[component_flags.Flag, ...]:
        return component_flags.flags(self._cluster / "pki", self.ports)

    def _state(self, component: str) -> str:
        if (found := _find(self._cluster, component)) is None:
            return DEAD
        if process_tree.frozen(found):
            return FROZEN
        return _RUNNING if component_flags.complete(component, process_tree.command(found), self._flags) else _OUTDATED

    def _save_flags(self) -> None:
        """Give the components their flags where kwokctl has saved them: an earlier version of this program had fewer.

        Raises:
            LabError: kwokctl's file is not what it writes.
        """
        file = self._cluster / "kwok.yaml"
        try:
            documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            for each in documents[0]["components"]:
                each["args"] = component_flags.applied(each["name"], each["args"], self._flags)
        except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
            raise LabError(
                f"{file} cannot be read: {error}", "take down what is left and begin anew: make down && make up"
            ) from error
        files.write(file, yaml.safe_dump_all(documents))

    def _configuration(self) -> dict[str, object]:
        return kwokctl.configuration(self.ports, self._flags)

    def _remove_remains(self) -> None:
        remains.end(self.directory)
        for each in self.directory.iterdir() if self.directory.is_dir() else ():
            if each == paths.charts_dir(self.directory):
                continue  # the program is writing there
            if each.is_dir():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink()

    def _configure_kwok(self) -> None:
        """Give kwok its settings and the simulated usage of Pods, in a file that it reads beside kwokctl's."""
        folder = files.folder(work_folder.of(self.directory))
        files.write(folder / "kwok.yaml", _KWOK.read_text(encoding="utf-8"))

    def _start_metrics_server(self) -> None:
        name = metrics_server.NAME
        program = self._cluster / "bin" / name
        program.unlink(missing_ok=True)
        program.symlink_to(toolchain.path(name))
        process.start_detached(
            metrics_server.command(
                program,
                kubeconfig=self.kubeconfig,
                certificates=self._cluster / "pki",
                port=self.ports.metrics_server,
            ),
            pid_file=_pid_file(self._cluster, name),
            log=self._cluster / "logs" / f"{name}.log",
            environment=environment.make(environment.SERVER),
        )

    def _kwokctl(self, *arguments: str) -> None:
        command = [str(toolchain.path(kwokctl.NAME)), *work_folder.options(), *arguments]
        variables = environment.make(
            environment.SERVER,
            KUBECACHEDIR=str(self._schema_cache),  # or kubectl, which has no HOME, would cache beside the project
            **work_folder.variables(self.directory),
        )
        result = process.run(
            command,
            environment=variables,
            cwd=self.directory,
            timeout=2 * _READY_TIMEOUT,
            check=False,
            new_session=True,
        )
        files.write(self.directory / "kwokctl.log", result.stderr)
        if result.code:
            raise LabError(
                f"kwokctl {arguments[0]} {arguments[1]} failed: {process.tail(self.directory / 'kwokctl.log')}",
                f"its log and those of the components are in {self.directory}",
            )

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            if self._servers["kube-apiserver"].answers():
                return True
            if dead := [name for name in self._dead() if name in _FIRST]:
                raise self._failure(dead[0], "ended at once")
            return False

        if not poll(ready, timeout=_READY_TIMEOUT):
            raise self._failure("kube-apiserver", f"was not ready after {_READY_TIMEOUT:.0f} s")
        if dead := self._dead():
            # kube-controller-manager waits ten seconds for the API server: too few on a machine with much to do.
            for name in dead:
                _pid_file(self._cluster, name).unlink(missing_ok=True)
            self._kwokctl("start", "cluster")
            if dead := poll(self._dead, timeout=_START_TIMEOUT):
                raise self._failure(dead[0], "ended at once")

    def _dead(self) -> list[str]:
        """Return the components of kwokctl's that do not run."""
        return [name for name in _KWOKCTLS if not _find(self._cluster, name)]

    def _failure(self, component: str, what: str) -> LabError:
        log = self._cluster / "logs" / f"{component}.log"
        return LabError(f"{component} {what}: {process.tail(log)}", f"its log is {log}")


def runs(directory: Path) -> bool:
    """Check that every component in this folder runs; true where there is none."""
    cluster = work_folder.cluster(directory)
    return not cluster.is_dir() or all(_find(cluster, name) for name in COMPONENTS)


def runs_partly(directory: Path) -> bool:
    """Check whether any component in this folder runs."""
    return bool(_running(work_folder.cluster(directory)))


def remove(directory: Path) -> None:
    """Stop everything of this folder and delete it; does nothing where there is none."""
    remains.end(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _running(cluster: Path) -> list[psutil.Process]:
    return process_tree.find_all(*((str(cluster / "bin" / name),) for name in COMPONENTS))


def _find(cluster: Path, component: str) -> psutil.Process | None:
    # Each component is started from a link in the cluster's own folder.
    return process_tree.find(_pid_file(cluster, component), str(cluster / "bin" / component))


def _pid_file(cluster: Path, component: str) -> Path:
    return cluster / "pids" / f"{component}.pid"
