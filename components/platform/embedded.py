"""The lab on this machine: a real control plane with simulated nodes, and a real istiod beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import ResourceOptions
from pulumi.dynamic import Resource, ResourceProvider

from components.platform.base import Capabilities, Ingress, Platform, Webhooks, kubernetes_provider
from components.platform.embedded_provider import (
    ControlPlaneProvider,
    DataPlaneProvider,
    IstiodProvider,
    RolloutsControllerProvider,
)
from lab.platforms.embedded.ports import LOOPBACK, injection_url, validation_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi_kubernetes as k8s

    from lab.platforms.embedded.nodes import NodeSpec


@dataclass(frozen=True, kw_only=True)
class EmbeddedArgs:
    """Arguments of the embedded platform.

    The stack's directory is relative to the project, so that the state does not depend on the project's location.
    """

    directory: str
    version: str
    nodes: NodeSpec


class ControlPlane(Resource, module="embedded", name="ControlPlane"):
    """etcd, API server, controller-manager, scheduler, kwok and metrics-server, owned by the stack."""

    kubeconfig: pulumi.Output[str]
    ports: pulumi.Output[dict[str, int]]

    def __init__(self, name: str, args: EmbeddedArgs, opts: ResourceOptions) -> None:
        computed = {"ports": None, "kubeconfig": None, "components": None}
        super().__init__(ControlPlaneProvider(), name, {**asdict(args), **computed}, opts)


@dataclass(frozen=True, kw_only=True)
class HostProcessArgs:
    """The stack's directory and the ports of its processes."""

    directory: str
    ports: pulumi.Output[dict[str, int]]


class HostProcess(Resource):
    """A process of this host in place of a Pod, where Pods are simulated."""

    def __init__(
        self, provider: ResourceProvider, name: str, args: HostProcessArgs, opts: ResourceOptions, **more: object
    ) -> None:
        props: dict[str, Any] = {"directory": args.directory, "ports": args.ports, **more, "state": None}
        super().__init__(provider, name, props, opts)


class Istiod(HostProcess, module="embedded", name="Istiod"):
    """Serves Istio's webhooks and configuration."""

    def __init__(self, name: str, args: HostProcessArgs, opts: ResourceOptions) -> None:
        super().__init__(IstiodProvider(), name, args, opts)


class RolloutsController(HostProcess, module="embedded", name="RolloutsController"):
    """Carries out Rollouts."""

    def __init__(self, name: str, args: HostProcessArgs, opts: ResourceOptions) -> None:
        super().__init__(RolloutsControllerProvider(), name, args, opts)


class DataPlane(HostProcess, module="embedded", name="DataPlane"):
    """Runs the processes of chosen Pods, and their proxies, in network namespaces of this machine."""

    def __init__(self, name: str, args: HostProcessArgs, opts: ResourceOptions, *, metrics: bool) -> None:
        super().__init__(DataPlaneProvider(), name, args, opts, metrics=metrics)


class Embedded(pulumi.ComponentResource, Platform):
    """A `Platform` with simulated Pods that needs no cloud account, no Docker and no root."""

    capabilities = Capabilities(load_balancers=False, runs_containers=False, metrics=True)

    def __init__(self, name: str, args: EmbeddedArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Embedded", name, None, opts)
        control_plane = ControlPlane(
            "control-plane", args, ResourceOptions(parent=self, additional_secret_outputs=["kubeconfig"])
        )
        self._processes = HostProcessArgs(directory=args.directory, ports=control_plane.ports)
        self.deleted_with = control_plane
        self.kubeconfig = pulumi.Output.secret(control_plane.kubeconfig)
        self.identity = control_plane.id
        self.provider = kubernetes_provider(self.kubeconfig, self.identity, ResourceOptions(parent=self))
        self.webhooks = host_webhooks(control_plane.ports)
        self.ingress = Ingress(
            address=control_plane.ports.apply(lambda ports: f"{LOOPBACK}:{int(ports['ingress_http'])}")
        )
        self.register_outputs({})

    def istiod_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run the real istiod on the host, which reads its configuration in the cluster as it starts."""
        return [release, Istiod("istiod-process", self._processes, self._after([release]))]

    def rollouts_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run the real controller on the host."""
        return [release, RolloutsController("rollouts-process", self._processes, self._after([release]))]

    def run_workloads(self, depends_on: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Run the processes of chosen Pods and their proxies, if this machine can."""
        DataPlane("data-plane", self._processes, self._after(depends_on), metrics=metrics)

    def _after(self, depends_on: Sequence[pulumi.Resource]) -> ResourceOptions:
        # Deleting the control plane ends the processes beside it.
        return ResourceOptions(parent=self, depends_on=list(depends_on), deleted_with=self.deleted_with)


def host_webhooks(ports: pulumi.Output[dict[str, int]]) -> Webhooks:
    """Return the webhooks of an istiod that is a process of the API server's host."""
    return Webhooks(
        injection_url=ports.apply(lambda p: injection_url(int(p["istiod_webhook"]))),
        validation_url=ports.apply(lambda p: validation_url(int(p["istiod_webhook"]))),
    )
