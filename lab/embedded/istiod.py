"""The real istiod as a host process against the embedded control plane."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import toolchain
from lab.embedded import processes
from lab.embedded.control_plane import ControlPlane
from lab.embedded.ports import LOOPBACK, Ports
from lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

NAMESPACE = "istio-system"
_PROGRAM = "pilot-discovery"
_READY_TIMEOUT = 90.0
"""Seconds; 2 to 8 are usual."""

_CONFIGURATION_TIMEOUT = 60.0
"""Seconds that istiod's chart may take to be applied; under one is usual."""

_INJECTOR = "istio-sidecar-injector"
_VALIDATOR = f"istio-validator-{NAMESPACE}"


def injection_url(port: int) -> str:
    """Where the API server reaches the injector. `localhost`: the certificate has no IP addresses."""
    return f"https://localhost:{port}/inject"


def validation_url(port: int) -> str:
    """Where the API server reaches the validator."""
    return f"https://localhost:{port}/validate"


@dataclass(frozen=True, kw_only=True)
class Istiod:
    """istiod beside one control plane.

    Attributes:
        control_plane: what it watches.
    """

    control_plane: ControlPlane

    def start(self) -> None:
        """Start it (again) and wait until Pods are injected and mesh objects validated.

        Raises:
            LabError: it ended or did not become ready in time.
        """
        self.stop()
        self._wait_for_configuration()
        ports = self.control_plane.ports
        processes.start(
            [
                str(toolchain.path(_PROGRAM)),
                "discovery",
                f"--kubeconfig={self.control_plane.kubeconfig}",
                f"--httpAddr={LOOPBACK}:{ports.istiod_http}",
                f"--httpsAddr={LOOPBACK}:{ports.istiod_webhook}",
                f"--grpcAddr={LOOPBACK}:{ports.istiod_xds}",
                f"--secureGRPCAddr={LOOPBACK}:{ports.istiod_xds_tls}",
                f"--monitoringAddr={LOOPBACK}:{ports.istiod_monitoring}",
                "--ctrlz_port=0",
            ],
            pid_file=self._pid_file,
            log=self._log,
            environment={
                "POD_NAME": "istiod",
                "POD_NAMESPACE": NAMESPACE,
                "REVISION": "default",
                "CLUSTER_ID": "Kubernetes",
                "INJECTION_WEBHOOK_CONFIG_NAME": _INJECTOR,
                "VALIDATION_WEBHOOK_CONFIG_NAME": _VALIDATOR,
                "ISTIOD_CUSTOM_HOST": "localhost",
            },
        )
        self._wait_until_serving(ports)

    def stop(self) -> None:
        """End it; nothing happens when it does not run."""
        stop(self.control_plane.directory)

    def health(self) -> str:
        """`running`, `not ready` or `dead`."""
        if _find(self.control_plane.directory) is None:
            return "dead"
        return "running" if _answers(self.control_plane.ports.istiod_http) else "not ready"

    @property
    def _pid_file(self) -> Path:
        return _pid_file(self.control_plane.directory)

    @property
    def _log(self) -> Path:
        return self._pid_file.with_suffix(".log")

    def _wait_for_configuration(self) -> None:
        """Wait for the injector's template: an istiod that starts without never injects."""
        deadline = time.monotonic() + _CONFIGURATION_TIMEOUT
        while not self._get("configmap", _INJECTOR, "{.metadata.name}"):
            if time.monotonic() > deadline:
                raise LabError(f"no ConfigMap {_INJECTOR} in {NAMESPACE}: istiod's chart did not make it in time")
            time.sleep(0.25)

    def _wait_until_serving(self, ports: Ports) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT
        while not (_answers(ports.istiod_http) and self._webhooks_trusted()):
            if _find(self.control_plane.directory) is None:
                raise LabError(f"istiod ended at once: {processes.tail(self._log)}", f"its log is {self._log}")
            if time.monotonic() > deadline:
                raise LabError(f"istiod was not ready after {_READY_TIMEOUT:.0f} s", f"its log is {self._log}")
            time.sleep(0.25)

    def _webhooks_trusted(self) -> bool:
        """Whether istiod has put its certificate authority into every webhook: only then does the API server call."""
        bundles = "{range .webhooks[*]}{.clientConfig.caBundle}{'|'}{end}"
        kinds = {"mutatingwebhookconfiguration": _INJECTOR, "validatingwebhookconfiguration": _VALIDATOR}
        found = [self._get(kind, name, bundles) for kind, name in kinds.items()]
        return all(bundle for listing in found for bundle in listing.removesuffix("|").split("|"))

    def _get(self, kind: str, name: str, jsonpath: str) -> str:
        """A part of an object as text; empty while there is no such object."""
        options = ["--namespace", NAMESPACE, "--ignore-not-found", "-o", f"jsonpath={jsonpath}"]
        return self.control_plane.kubectl("get", kind, name, *options)


def stop(directory: Path) -> None:
    """End the istiod that runs from a control plane's folder."""
    process = _find(directory)
    # It keeps nothing that a sudden end could hurt, and asked politely it takes two seconds.
    processes.stop([process] if process else [], patience=0)
    _pid_file(directory).unlink(missing_ok=True)


def _find(directory: Path) -> psutil.Process | None:
    return processes.find(_pid_file(directory), f"--kubeconfig={directory / 'kubeconfig'}")


def _pid_file(directory: Path) -> Path:
    return directory / "istiod" / "istiod.pid"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/ready", timeout=2):  # noqa: S310 - a fixed scheme
            return True
    except (urllib.error.URLError, OSError):
        return False
