"""The same questions to the cluster of either way: does everything stand, and what is there."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from lab import toolchain
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.sandbox import Sandbox

_WORKLOADS = "deployments,rollouts.argoproj.io,pods"
_OBJECTS = (
    "deployments,rollouts.argoproj.io,services,"
    "gateways.networking.istio.io,virtualservices.networking.istio.io,telemetries"
)

_BEYOND_THE_NOTES = {
    "Deployment istio-system/kube-state-metrics",
    "Service istio-system/kube-state-metrics",
    "Service istio-system/node-exporter",
    "Service kube-system/metrics-server",
    "Pod in istio-system of kube-state-metrics:  kube-state-metrics",
    "Pod in istio-system of node-exporter:  node-exporter",
    "Pod in istio-system of log-collector:  log-collector",
}
"""What only the stack makes, in the same time: what Istio's addons lack."""

_LOKI = {"Pod in istio-system of :  loki", "Pod in istio-system of :  loki loki-sc-rules"}
"""One Pod each, which the stack relieves of a container."""

_PATIENCE = 120.0
"""Seconds for everything to become ready."""

_INTERVAL = 0.1
"""Seconds between two looks."""


class Cluster:
    """A cluster that the benchmark made.

    Args:
        kubeconfig: its credentials.
        sandbox: what kubectl runs in.
    """

    def __init__(self, kubeconfig: Path, sandbox: Sandbox) -> None:
        self._kubeconfig = kubeconfig
        self._sandbox = sandbox

    def wait_until_ready(self) -> None:
        """Wait until everything stands. `kubectl wait` takes a tenth of a second for each object, ready or not.

        Raises:
            LabError: something does not become ready.
        """
        deadline = time.monotonic() + _PATIENCE
        while missing := unready(json.loads(self._kubectl("get", _WORKLOADS, "-A", "-o", "json"))["items"]):
            if time.monotonic() > deadline:
                raise LabError(f"not ready after {_PATIENCE:.0f} s: {', '.join(missing)}")
            time.sleep(_INTERVAL)

    def inventory(self) -> set[str]:
        """What stands, one line each: objects by name, Pods (whose names are random) by their containers."""
        names = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
        containers = (
            "{range .items[*]}Pod in {.metadata.namespace} of {.metadata.labels.app}: "
            '{.spec.initContainers[*].name} {.spec.containers[*].name}{"\\n"}{end}'
        )
        listings = ((_OBJECTS, names), ("pods", containers))
        texts = (self._kubectl("get", kinds, "-A", "-o", f"jsonpath={path}") for kinds, path in listings)
        return {line for text in texts for line in text.splitlines()}

    def _kubectl(self, *arguments: str) -> str:
        command = [str(toolchain.path("kubectl")), *arguments, f"--kubeconfig={self._kubeconfig}"]
        return self._sandbox.run(command, cwd=self._sandbox.folder)


def unready(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Deployments that are not available, Rollouts that lack Pods, Pods that are not ready.

    Not Pods alone: a Deployment that has not made its Pods yet would otherwise pass.
    """
    return [f"{found['kind']} {found['metadata']['name']}" for found in objects if not _stands(found)]


def _stands(found: Mapping[str, Any]) -> bool:
    if found["kind"] == "Rollout":  # it is available only after half a minute, which the course does not wait for
        return bool(found.get("status", {}).get("readyReplicas", 0) >= found["spec"]["replicas"])
    wanted = {"Deployment": "Available", "Pod": "Ready"}[found["kind"]]
    conditions = found["status"].get("conditions", ())
    return any(condition["type"] == wanted and condition["status"] == "True" for condition in conditions)


def require_same(stood: Mapping[str, set[str]]) -> None:
    """Refuse to compare two ways that did different work.

    Args:
        stood: the inventory of each way by its name.

    Raises:
        LabError: one of them made something that another did not, beyond what is known and is in the documentation.
    """
    common = set.intersection(*stood.values()) | _BEYOND_THE_NOTES | _LOKI
    if lines := [f"  only {name} has {line}" for name, found in stood.items() for line in sorted(found - common)]:
        raise LabError(
            "\n".join(("the two ways did different work, so their times do not compare:", *lines)),
            "make benchmarks/baseline.sh do what Pulumi.dev.yaml asks of the stack, or the other way round",
        )
