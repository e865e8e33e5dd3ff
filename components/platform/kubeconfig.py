"""A cluster that was there before the lab and stays after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s  # noqa: TC002 - Pulumi evaluates the annotations of a class
from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from components.platform import provider
from components.platform.base import NO_OUTPUTS, Capabilities, Ingress, Webhooks
from components.platform.embedded import Istiod, RolloutsController, host_webhooks
from components.platform.kubeconfig_provider import ExistingClusterProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.platforms.kubeconfig import ClusterFacts


@dataclass(frozen=True, kw_only=True)
class KubeconfigArgs:
    """What the kubeconfig platform needs to know.

    Attributes:
        directory: the lab's own folder, relative to the project.
        content: a kubeconfig of one context, self-contained.
        cluster: what the cluster said about itself.
        purge_crds: whether Istio's and Argo Rollouts' CRDs go with the lab.
        namespaces: those that the lab makes, and that nobody else may have there.
    """

    directory: str
    content: str
    cluster: ClusterFacts
    purge_crds: bool
    namespaces: Sequence[str]


class ExistingCluster(Resource, module="kubeconfig", name="ExistingCluster"):
    """Where the cluster is and what it had; everything in it is made after this and deleted before."""

    ports: pulumi.Output[dict[str, int]]

    def __init__(self, name: str, args: KubeconfigArgs, opts: ResourceOptions) -> None:
        props = {
            "kubeconfig": pulumi.Output.secret(args.content),
            "directory": args.directory,
            "cluster": args.cluster.identity,
            "purge_crds": args.purge_crds,
            "namespaces": list(args.namespaces),
            "ports": None,
            "found": None,
        }
        super().__init__(ExistingClusterProvider(), name, props, opts)


class Kubeconfig(pulumi.ComponentResource):
    """A `Platform` on an existing cluster: everything that the lab made in it is deleted in order.

    Where its nodes are simulated, the real istiod runs on this host, as on the embedded platform.
    """

    kubeconfig: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: k8s.Provider
    registry: pulumi.Output[str] | None = None
    capabilities: Capabilities
    webhooks: Webhooks
    ingress = Ingress()
    outputs: Mapping[str, pulumi.Output[str]] = NO_OUTPUTS
    hooks: pulumi.ResourceHookBinding | None = None
    deleted_with: pulumi.Resource | None = None

    def __init__(self, name: str, args: KubeconfigArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Kubeconfig", name, None, opts)
        self._directory = args.directory
        self.capabilities = Capabilities(
            load_balancers=args.cluster.load_balancers,
            runs_containers=args.cluster.runs_containers,
            metrics=args.cluster.metrics,
        )
        self.kubeconfig = pulumi.Output.secret(args.content)
        self._cluster = ExistingCluster("cluster", args, ResourceOptions(parent=self))
        self.webhooks = Webhooks() if args.cluster.runs_containers else host_webhooks(self._cluster.ports)
        self.identity = pulumi.Output.from_input(args.cluster.identity)
        self.provider = provider.kubernetes(
            self.kubeconfig, args.cluster.identity, ResourceOptions(parent=self, depends_on=[self._cluster])
        )
        self.register_outputs({})

    def rolling_out(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """The Pod of Argo Rollouts does it, where Pods run."""
        if self.capabilities.runs_containers:
            return [release]
        opts = ResourceOptions(parent=self, depends_on=[release])
        return [release, RolloutsController("rollouts-process", self._directory, self._cluster.ports, opts)]

    def run_workloads(self, after: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Nothing: this cluster runs its Pods."""

    def serving(self, base: k8s.helm.v3.Release, istiod: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """The Pod of istiod's chart serves, where Pods run."""
        if self.capabilities.runs_containers:
            return [istiod]
        opts = ResourceOptions(parent=self, depends_on=[base])
        return [istiod, Istiod("istiod-process", self._directory, self._cluster.ports, opts)]
