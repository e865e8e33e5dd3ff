"""What AKS does for the stand-in: a real control plane with simulated nodes, and what Azure adds around one.

`python -m tests.azure.aks FOLDER create|delete|serve`. Around the control plane, `serve` gives load balancers their
address, runs the real istiod where its Pod is only simulated, and carries the API server's calls of webhooks to it:
by an egress selector, which is how a hosted control plane reaches into its cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab import toolchain
from lab.adapters import environment, kubectl, process, process_tree
from lab.core.errors import LabError
from lab.core.namespaces import ISTIO_SYSTEM
from lab.platforms.embedded import control_plane, istiod, rollouts
from lab.platforms.embedded.control_plane import ControlPlane
from lab.platforms.embedded.istiod import Istiod
from lab.platforms.embedded.nodes import NodeSpec
from lab.platforms.embedded.ports import LOOPBACK, Ports
from lab.platforms.embedded.rollouts import RolloutsController

if TYPE_CHECKING:
    from collections.abc import Iterable

ADDRESS = "203.0.113.80"
"""What every load balancer gets: an address that documentation is allowed to use."""

_SPEC = NodeSpec(count=2, zones=1, cpu=4, memory="16Gi")
_INTERVAL = 0.2

_HOLD = "until-istiod-serves"
_KINDS = "services,deployments,resourcequotas,namespaces,mutatingwebhookconfigurations"


@dataclass(frozen=True, kw_only=True)
class HostedControlPlane(ControlPlane):
    """A control plane that reaches the cluster's Services through a tunnel, as a hosted one does."""

    def _configuration(self) -> dict[str, object]:
        tunnel = {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [
                {
                    "name": "cluster",
                    "connection": {
                        "proxyProtocol": "HTTPConnect",
                        "transport": {"uds": {"udsName": str(self.directory / "tunnel.sock")}},
                    },
                }
            ],
        }
        file = self.directory / "egress.yaml"
        file.write_text(yaml.safe_dump(tunnel))
        arguments = [{"key": "egress-selector-config-file", "value": str(file)}]
        return {
            **super()._configuration(),
            "componentsPatches": [{"name": "kube-apiserver", "extraArgs": arguments}],
        }


def create(folder: Path) -> None:
    """Make the cluster of a folder and let the rest begin; its kubeconfig is then `FOLDER/kubeconfig`."""
    toolchain.ensure(toolchain.EMBEDDED)
    plane = HostedControlPlane(directory=folder / "aks", ports=Ports.allocate())
    plane.create(_SPEC)
    (folder / "ports.json").write_text(json.dumps(vars(plane.ports)))
    shutil.copy(plane.kubeconfig, folder / "kubeconfig")
    process.start_detached(
        [sys.executable, "-m", "tests.azure.aks", str(folder), "serve"],
        pid_file=folder / "serve.pid",
        log=folder / "serve.log",
        environment=environment.make(environment.LAB, PYTHONPATH=str(Path(__file__).parents[2])),
    )


def delete(folder: Path) -> None:
    """End everything of a folder's cluster."""
    process_tree.stop(filter(None, [process_tree.find(folder / "serve.pid", str(folder))]), grace=0)
    istiod.stop(folder / "aks")
    rollouts.stop(folder / "aks")
    control_plane.remove(folder / "aks")
    (folder / "kubeconfig").unlink(missing_ok=True)


def serve(folder: Path) -> None:
    """Run until ended."""
    toolchain.ensure(toolchain.EMBEDDED)
    plane = HostedControlPlane(directory=folder / "aks", ports=Ports(**json.loads((folder / "ports.json").read_text())))
    asyncio.run(_serve(plane))


async def _serve(plane: HostedControlPlane) -> None:
    serving = asyncio.Event()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        await serving.wait()
        inward, outward = await asyncio.open_connection(LOOPBACK, plane.ports.istiod_webhook)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_carry(reader, outward), _carry(inward, writer))

    await asyncio.start_unix_server(tunnel, plane.directory / "tunnel.sock")
    while True:
        with contextlib.suppress(LabError):
            if await asyncio.to_thread(_work, plane):
                serving.set()
            else:
                serving.clear()
        await asyncio.sleep(_INTERVAL)


def _work(plane: ControlPlane) -> bool:
    """Do what Azure and real Pods do in a cluster; return whether istiod serves."""
    found = json.loads(kubectl.run(plane.kubeconfig, "get", _KINDS, "-A", "-o", "json"))["items"]
    seen = {kind: [each for each in found if each["kind"] == kind] for kind in {each["kind"] for each in found}}
    _balance(plane, seen.get("Service", []))
    deployments = {each["metadata"]["name"] for each in seen.get("Deployment", [])}
    _run_rollouts(plane, wanted="argo-rollouts" in deployments)
    _run_istiod(plane, wanted="istiod" in deployments)
    hooks = [hook for each in seen.get("MutatingWebhookConfiguration", []) for hook in each["webhooks"]]
    serves = "istiod" in deployments and bool(hooks) and all(hook["clientConfig"].get("caBundle") for hook in hooks)
    held = any(each["metadata"]["name"] == _HOLD for each in seen.get("ResourceQuota", []))
    if any(each["metadata"]["name"] == ISTIO_SYSTEM for each in seen["Namespace"]) and held is serves:
        _hold_pods(plane, held=not serves)
    return serves


def _hold_pods(plane: ControlPlane, *, held: bool) -> None:
    """Let no Pod of Istio start until istiod serves: elsewhere its own is ready only then, a simulated one at once."""
    words = ("create", "quota", _HOLD, "--hard=pods=0") if held else ("delete", "quota", _HOLD)
    kubectl.run(plane.kubeconfig, *words, "--namespace", ISTIO_SYSTEM)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _balance(plane: ControlPlane, services: Iterable[dict[str, Any]]) -> None:
    for service in services:
        if service["spec"].get("type") == "LoadBalancer" and not service["status"].get("loadBalancer"):
            meta = service["metadata"]
            status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}})
            where = (meta["name"], "--namespace", meta["namespace"], "--subresource=status")
            kubectl.run(plane.kubeconfig, "patch", "service", *where, "--patch", status)


def _run_rollouts(plane: ControlPlane, *, wanted: bool) -> None:
    process = RolloutsController(control_plane=plane)
    if wanted and not process.healthy:
        process.start()
    elif not wanted and process.health() != "dead":
        rollouts.stop(plane.directory)


def _run_istiod(plane: ControlPlane, *, wanted: bool) -> None:
    process = Istiod(control_plane=plane)
    if wanted and process.health() == "dead":
        process.start()
    elif not wanted and process.health() != "dead":
        process.stop()


if __name__ == "__main__":
    # Not that of the project under test, in which no tool may ever have been brought.
    os.environ["ISTIO_LAB_HOME"] = str(Path(sys.argv[1]) / "lab")
    {"create": create, "delete": delete, "serve": serve}[sys.argv[2]](Path(sys.argv[1]))
