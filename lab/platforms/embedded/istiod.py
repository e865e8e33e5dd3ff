"""The real istiod as a host process against the embedded control plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import toolchain
from lab.adapters import environment, kubectl, process, process_tree
from lab.core.errors import LabError
from lab.core.namespaces import ISTIO_SYSTEM
from lab.core.wait import wait_until
from lab.platforms.embedded import watch_caches
from lab.platforms.embedded.health import Server
from lab.platforms.embedded.ports import LOOPBACK, require_free

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

    from lab.platforms.embedded.control_plane import ControlPlane

_RUNNING = "running"
_PROGRAM = "pilot-discovery"
_READY_TIMEOUT = 90.0
"""Seconds for each thing that is waited for; 2 to 8 are usual for istiod itself."""

_NO_ADDRESS = "["
"""Not an address: ControlZ would show the whole environment and end istiod for whoever asks, and no option switches it
off. Where it cannot listen, istiod logs that and works all the same."""

_INJECTOR = "istio-sidecar-injector"
_VALIDATOR = f"istio-validator-{ISTIO_SYSTEM}"


@dataclass(frozen=True, kw_only=True)
class Istiod:
    """istiod beside one control plane."""

    control_plane: ControlPlane

    def start(self) -> None:
        """Restart it and wait until its webhooks inject Pods and validate mesh objects.

        Its chart is installed: an istiod that starts without the injector's template never injects.

        Raises:
            LabError: it ended or did not become ready in time.
        """
        self.stop()
        ports = self.control_plane.ports
        require_free("istiod", ports.istiod_http, ports.istiod_webhook, ports.istiod_xds)
        watch_caches.fill(self.control_plane.kubeconfig, "istio.io")
        process.start_detached(
            [str(toolchain.path(_PROGRAM)), *self.arguments],
            pid_file=self._pid_file,
            log=self._log,
            environment=environment.make(
                environment.SERVER,
                POD_NAME="istiod",
                POD_NAMESPACE=ISTIO_SYSTEM,
                REVISION="default",
                CLUSTER_ID="Kubernetes",
                INJECTION_WEBHOOK_CONFIG_NAME=_INJECTOR,
                VALIDATION_WEBHOOK_CONFIG_NAME=_VALIDATOR,
                ISTIOD_CUSTOM_HOST="localhost",
                # Filters that only Istio's own build of Envoy has; the proxies beside this one are Envoy's own.
                PILOT_ENABLE_METADATA_EXCHANGE="false",
                PILOT_ENABLE_ALPN_FILTER="false",
                # Any user of this machine may ask: proxies show a token, without TLS as well, and nothing tells the
                # configuration of the mesh.
                XDS_AUTH_PLAINTEXT="true",
                ENABLE_DEBUG_ON_HTTP="false",
            ),
        )
        self._wait_until_serving()

    def stop(self) -> None:
        """Stop it if it runs."""
        stop(self.control_plane.directory)

    def health(self) -> str:
        """`running`, `not ready`, `frozen`, `dead`, or `outdated` for one of an earlier version of this program."""
        if (found := _find(self.control_plane.directory)) is None:
            return "dead"
        if process_tree.frozen(found):
            return "frozen"
        if not set(self.arguments) <= set(process_tree.command(found)):
            return "outdated"
        return _RUNNING if _answers(self.control_plane.ports.istiod_http) else "not ready"

    @property
    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return self.health() == _RUNNING

    @property
    def arguments(self) -> list[str]:
        """Its command line without the program."""
        ports = self.control_plane.ports
        return [
            "discovery",
            f"--kubeconfig={self.control_plane.kubeconfig}",
            # Readiness and metrics, and plain gRPC since it has no port of its own.
            f"--httpAddr={LOOPBACK}:{ports.istiod_http}",
            "--monitoringAddr=",
            "--grpcAddr=",
            f"--httpsAddr={LOOPBACK}:{ports.istiod_webhook}",
            f"--secureGRPCAddr={LOOPBACK}:{ports.istiod_xds}",
            f"--ctrlz_address={_NO_ADDRESS}",
            "--profile=false",
        ]

    @property
    def _pid_file(self) -> Path:
        return _pid_file(self.control_plane.directory)

    @property
    def _log(self) -> Path:
        return self._pid_file.with_suffix(".log")

    def _wait_until_serving(self) -> None:
        remedy = f"its log is {self._log}"

        def ready() -> bool:
            if _find(self.control_plane.directory) is None:
                raise LabError(f"istiod ended at once: {process.tail(self._log)}", remedy)
            return _answers(self.control_plane.ports.istiod_http)

        wait_until(ready, timeout=_READY_TIMEOUT, what="istiod was not ready", remedy=remedy)
        # Only when istiod has put its certificate authority into the webhooks can the API server call them.
        for webhooks in (f"mutatingwebhookconfiguration/{_INJECTOR}", f"validatingwebhookconfiguration/{_VALIDATOR}"):
            self._wait_for("--for=jsonpath={.webhooks[0].clientConfig.caBundle}", webhooks)

    def _wait_for(self, condition: str, webhooks: str) -> None:
        kubectl.run(self.control_plane.kubeconfig, "wait", condition, webhooks, f"--timeout={_READY_TIMEOUT:.0f}s")


def stop(directory: Path) -> None:
    """Stop the istiod of a control plane's folder, if it runs."""
    # It keeps nothing that a sudden end could hurt, and asked politely it takes two seconds.
    marks = ("discovery", _mark(directory))
    process_tree.stop({*filter(None, [_find(directory)]), *process_tree.find_all(marks)}, grace=0)
    _pid_file(directory).unlink(missing_ok=True)


def _find(directory: Path) -> psutil.Process | None:
    return process_tree.find(_pid_file(directory), _mark(directory))


def _mark(directory: Path) -> str:
    return f"--kubeconfig={directory / 'kubeconfig'}"


def _pid_file(directory: Path) -> Path:
    return directory / "istiod" / "istiod.pid"


def _answers(port: int) -> bool:
    return Server(f"http://{LOOPBACK}:{port}/ready").answers()
