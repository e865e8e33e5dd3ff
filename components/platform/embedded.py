"""The lab on this machine: a real control plane with simulated nodes, and the real istiod beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s  # noqa: TC002 - Pulumi evaluates the annotations of a class
from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from components.platform import provider
from components.platform.base import NO_OUTPUTS, Capabilities, Ingress, Webhooks
from components.platform.embedded_provider import (
    ControlPlaneProvider,
    DataPlaneProvider,
    IstiodProvider,
    RolloutsControllerProvider,
)
from lab.platforms.embedded.ports import LOOPBACK, injection_url, validation_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.platforms.embedded.nodes import NodeSpec


@dataclass(frozen=True, kw_only=True)
class EmbeddedArgs:
    """What the embedded platform needs to know.

    Attributes:
        directory: the lab's own folder, relative to the project so that the state does not depend on where it lies.
        version: the Kubernetes version that really runs.
        nodes: the simulated nodes.
    """

    directory: str
    version: str
    nodes: NodeSpec


class ControlPlane(Resource, module="embedded", name="ControlPlane"):
    """etcd, API server, controller-manager, scheduler, kwok and metrics-server, owned by the stack."""

    kubeconfig: pulumi.Output[str]
    ports: pulumi.Output[dict[str, int]]

    def __init__(self, name: str, args: EmbeddedArgs, opts: ResourceOptions) -> None:
        props = {
            "directory": args.directory,
            "version": args.version,
            "nodes": asdict(args.nodes),
            "ports": None,
            "kubeconfig": None,
            "components": None,
        }
        super().__init__(ControlPlaneProvider(), name, props, opts)


class Istiod(Resource, module="embedded", name="Istiod"):
    """The host process that serves Istio's webhooks and configuration where Pods are simulated."""

    def __init__(self, name: str, directory: str, ports: pulumi.Output[dict[str, int]], opts: ResourceOptions) -> None:
        props = {"directory": directory, "ports": ports, "state": None}
        super().__init__(IstiodProvider(), name, props, opts)


class RolloutsController(Resource, module="embedded", name="RolloutsController"):
    """The host process that carries out Rollouts where Pods are simulated."""

    def __init__(self, name: str, directory: str, ports: pulumi.Output[dict[str, int]], opts: ResourceOptions) -> None:
        props = {"directory": directory, "ports": ports, "state": None}
        super().__init__(RolloutsControllerProvider(), name, props, opts)


class DataPlane(Resource, module="embedded", name="DataPlane"):
    """The processes of chosen Pods, and their proxies, in network namespaces of this machine."""

    def __init__(
        self, name: str, directory: str, ports: pulumi.Output[dict[str, int]], opts: ResourceOptions, *, metrics: bool
    ) -> None:
        props = {"directory": directory, "ports": ports, "metrics": metrics, "state": None}
        super().__init__(DataPlaneProvider(), name, props, opts)


class Embedded(pulumi.ComponentResource):
    """A `Platform` that needs neither a cloud account nor Docker nor root. Pods are simulated."""

    kubeconfig: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: k8s.Provider
    registry: pulumi.Output[str] | None = None
    capabilities = Capabilities(load_balancers=False, runs_containers=False, metrics=True)
    webhooks: Webhooks
    ingress: Ingress
    outputs: Mapping[str, pulumi.Output[str]] = NO_OUTPUTS
    hooks: pulumi.ResourceHookBinding | None = None
    deleted_with: pulumi.Resource

    def __init__(self, name: str, args: EmbeddedArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Embedded", name, None, opts)
        self._directory = args.directory
        self._control_plane = ControlPlane(
            "control-plane",
            args,
            ResourceOptions(parent=self, additional_secret_outputs=["kubeconfig"]),
        )
        self.deleted_with = self._control_plane
        self.kubeconfig = pulumi.Output.secret(self._control_plane.kubeconfig)
        self.identity = self._control_plane.id
        self.provider = provider.kubernetes(self.kubeconfig, self.identity, ResourceOptions(parent=self))
        self.webhooks = host_webhooks(self._control_plane.ports)
        self.ingress = Ingress(
            address=self._control_plane.ports.apply(lambda ports: f"{LOOPBACK}:{int(ports['ingress_http'])}")
        )
        self.register_outputs({})

    def serving(self, base: k8s.helm.v3.Release, istiod: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run the real istiod on the host: the Pod of its chart is a simulated one.

        The process starts as soon as there are CRDs, side by side with the chart, whose configuration it waits for.
        """
        # Deleting the control plane ends its istiod as well.
        opts = ResourceOptions(parent=self, depends_on=[base], deleted_with=self._control_plane)
        return [istiod, Istiod("istiod-process", self._directory, self._control_plane.ports, opts)]

    def rolling_out(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run the real controller on the host: the Pod of its release is a simulated one."""
        opts = ResourceOptions(parent=self, depends_on=[release], deleted_with=self._control_plane)
        return [release, RolloutsController("rollouts-process", self._directory, self._control_plane.ports, opts)]

    def run_workloads(self, after: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Run the processes of chosen Pods and their proxies, where this machine can."""
        opts = ResourceOptions(parent=self, depends_on=list(after), deleted_with=self._control_plane)
        DataPlane("data-plane", self._directory, self._control_plane.ports, opts, metrics=metrics)


def host_webhooks(ports: pulumi.Output[dict[str, int]]) -> Webhooks:
    """How the API server reaches an istiod that is a process of its own host.

    Args:
        ports: those of the lab.
    """
    return Webhooks(
        injection_url=ports.apply(lambda p: injection_url(int(p["istiod_webhook"]))),
        validation_url=ports.apply(lambda p: validation_url(int(p["istiod_webhook"]))),
    )
