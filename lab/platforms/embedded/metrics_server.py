"""The real metrics-server as a host process: `kubectl top` shows kwok's simulated usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

NAME = "metrics-server"

_SERVICE = {"name": NAME, "namespace": "kube-system"}

_RESOLUTION = 10
"""Seconds between two scrapes, its minimum: CPU usage needs two of them."""

_PATIENCE = 5
"""Seconds for one scrape; must be less than the above."""


def command(program: Path, *, kubeconfig: Path, certificates: Path, port: int) -> list[str]:
    """Build its command line. It is ready a second later, which nothing waits for."""
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
    """Return the annotation with the path of a node's usage: kwok serves all nodes on one port."""
    return {"metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{node}/metrics/resource"}


def manifest(port: int) -> str:
    """Build the Service and the APIService that make the API server call it."""
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
