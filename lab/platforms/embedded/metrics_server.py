"""The real metrics-server as a host process: `kubectl top` answers, with what kwok says that simulated Pods use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

NAME = "metrics-server"

_SERVICE = {"name": NAME, "namespace": "kube-system"}

_RESOLUTION = 10
"""Seconds between two looks at every node, the least that it allows: CPU figures need two looks."""

_PATIENCE = 5
"""Seconds for one answer of kwok; has to be less than the above."""


def command(program: Path, *, kubeconfig: Path, certificates: Path, port: int) -> list[str]:
    """How it is started. It is ready a second later, and nobody waits for that.

    Args:
        program: the executable.
        kubeconfig: administrator credentials.
        certificates: the control plane's folder of certificates.
        port: where it listens.
    """
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={certificates / 'admin.crt'}",
        f"--tls-private-key-file={certificates / 'admin.key'}",
        # The simulated nodes' own addresses lead nowhere; their host name is `localhost`, where kwok answers for each.
        "--kubelet-preferred-address-types=Hostname",
        "--kubelet-use-node-status-port",
        f"--kubelet-certificate-authority={certificates / 'ca.crt'}",
        f"--metric-resolution={_RESOLUTION}s",
        f"--kubelet-request-timeout={_PATIENCE}s",
    ]


def node_annotations(node: str) -> dict[str, str]:
    """Where the usage of one node is told: kwok answers for all nodes on one port."""
    return {"metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{node}/metrics/resource"}


def manifest(port: int) -> str:
    """What makes the API server pass questions on to it, as a YAML stream."""
    return yaml.safe_dump_all(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": _SERVICE,
                "spec": {"type": "ExternalName", "externalName": LOOPBACK},
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": "v1beta1.metrics.k8s.io"},
                "spec": {
                    "group": "metrics.k8s.io",
                    "version": "v1beta1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "service": {**_SERVICE, "port": port},
                    # The control plane's certificate has no name of this Service; both are processes of one user.
                    "insecureSkipTLSVerify": True,
                },
            },
        ]
    )
