"""The same questions to the cluster of either way: does everything stand, and what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import toolchain
from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.bench.sandbox import Sandbox

_OBJECTS = "deployments,services,gateways.networking.istio.io,virtualservices.networking.istio.io,telemetries"


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
        """Wait until every Pod is Ready.

        Deployments first: one that has not made its Pods yet would otherwise pass.
        """
        patience = ("--all", "--all-namespaces", "--timeout=120s")
        self._kubectl("wait", "--for=condition=Available", "deployments", *patience)
        self._kubectl("wait", "--for=condition=Ready", "pods", *patience)

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


def require_same(stood: Mapping[str, set[str]]) -> None:
    """Refuse to compare two ways that did different work.

    Args:
        stood: the inventory of each way by its name.

    Raises:
        LabError: one of them made something that another did not.
    """
    common = set.intersection(*stood.values())
    if lines := [f"  only {name} has {line}" for name, found in stood.items() for line in sorted(found - common)]:
        raise LabError(
            "\n".join(("the two ways did different work, so their times do not compare:", *lines)),
            "make lab/bench/notes_way.sh do what Pulumi.dev.yaml asks of the stack, or the other way round",
        )
