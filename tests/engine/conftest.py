from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.adapters import kubectl
from lab.platforms.embedded import control_plane
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.nodes import NodeSpec
from lab.platforms.embedded.ports import Ports
from tests.engine.existing_cluster import ByHand

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def by_hand() -> Iterator[ByHand]:
    folder = Path(tempfile.mkdtemp(prefix="by-hand-"))
    plane = ControlPlane(directory=folder / "cluster", ports=Ports.allocate())
    plane.create(NodeSpec(count=2, zones=1, cpu=4, memory="16Gi"))
    # The controllers put a ConfigMap and a ServiceAccount into every namespace, a moment after the start.
    for namespace in ("default", "kube-system", "kube-public", "kube-node-lease"):
        for what in ("configmap/kube-root-ca.crt", "serviceaccount/default"):
            kubectl.run(plane.kubeconfig, "wait", "--for=create", what, "-n", namespace, "--timeout=60s")
    yield ByHand(plane.kubeconfig)
    control_plane.remove(plane.directory)
    folder.rmdir()
