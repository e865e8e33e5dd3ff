"""The program that makes and starts control planes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from lab import toolchain
from lab.core import versions
from lab.platforms.embedded import component_flags, work_folder
from lab.platforms.embedded.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.platforms.embedded.ports import Ports

NAME = "kwokctl"


def at_work(directory: Path) -> list[psutil.Process]:
    """Return those that work on the cluster of a stack's folder; not every one names it on its command line."""
    variables = work_folder.variables(directory).items()
    found = []
    for each in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if each.info["name"] == NAME and variables <= each.environ().items():
                found.append(each)
    return found


def configuration(ports: Ports, flags: Sequence[component_flags.Flag]) -> dict[str, object]:
    """Return the configuration of a new cluster."""
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            # The default is every address, with etcd open to whoever can reach it.
            "bindAddress": LOOPBACK,
            "kubeVersion": f"v{versions.KUBERNETES}",
            "etcdVersion": versions.ETCD,
            "kubeApiserverPort": ports.kube_apiserver,
            "etcdPort": ports.etcd,
            "etcdPeerPort": ports.etcd_peer,
            "kwokControllerPort": ports.kwok_controller,
            "kubeApiserverBinary": str(toolchain.path("kube-apiserver")),
            "kubeControllerManagerBinary": str(toolchain.path("kube-controller-manager")),
            "kubeSchedulerBinary": str(toolchain.path("kube-scheduler")),
            "kubectlBinary": str(toolchain.path("kubectl")),
            "etcdBinary": str(toolchain.path("etcd")),
            "kwokControllerBinary": str(toolchain.path("kwok")),
            "disableQPSLimits": True,
            # kwok multiplies it by five. One that is started anew leaves the nodes alone until the leases of the
            # one before have run out; with its default no Pod would become ready for more than three minutes.
            "nodeLeaseDurationSeconds": 4,
        },
        "componentsPatches": component_flags.patches(flags),
    }
