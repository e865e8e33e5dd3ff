"""An existing cluster, which stays when the lab goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from components.platform.base import Capabilities, Platform, kubernetes_provider
from components.platform.embedded import HostProcessArgs, Istiod, RolloutsController, host_webhooks
from components.platform.kubeconfig_provider import ExistingClusterProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi_kubernetes as k8s

    from lab.platforms.kubeconfig import ClusterFacts


@dataclass(frozen=True, kw_only=True)
class KubeconfigArgs:
    """Arguments of the kubeconfig platform.

    Attributes:
        directory: the stack's, relative to the project.
        content: a self-contained kubeconfig of one context.
        cluster: facts about the cluster.
        purge_crds: whether Istio's and Argo Rollouts' CRDs are deleted with the lab.
        namespaces: that the lab makes, and that must not be somebody else's.
        stack: full name of the stack.
    """

    directory: str
    content: str
    cluster: ClusterFacts
    purge_crds: bool
    namespaces: Sequence[str]
    stack: str


class ExistingCluster(Resource, module="kubeconfig", name="ExistingCluster"):
    """The cluster as it was found; everything in it is made after this and deleted before."""

    ports: pulumi.Output[dict[str, int]]

    def __init__(self, name: str, args: KubeconfigArgs, opts: ResourceOptions) -> None:
        props = {
            "kubeconfig": pulumi.Output.secret(args.content),
            "directory": args.directory,
            "cluster": args.cluster.identity,
            "purge_crds": args.purge_crds,
            "namespaces": list(args.namespaces),
            "stack": args.stack,
            "ports": None,
            "found": None,
        }
        super().__init__(ExistingClusterProvider(), name, props, opts)


class Kubeconfig(pulumi.ComponentResource, Platform):
    """A `Platform` on an existing cluster; everything that the lab made in it is deleted in order.

    If its nodes are simulated, the real istiod runs on this host, as on the embedded platform.
    """

    def __init__(self, name: str, args: KubeconfigArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Kubeconfig", name, None, opts)
        self.capabilities = Capabilities(
            load_balancers=args.cluster.load_balancers,
            runs_containers=args.cluster.runs_containers,
            metrics=args.cluster.metrics,
        )
        self.kubeconfig = pulumi.Output.secret(args.content)
        cluster = ExistingCluster("cluster", args, ResourceOptions(parent=self))
        self._processes = HostProcessArgs(directory=args.directory, ports=cluster.ports)
        if not self.capabilities.runs_containers:
            self.webhooks = host_webhooks(cluster.ports)
        self.identity = pulumi.Output.from_input(args.cluster.identity)
        self.provider = kubernetes_provider(
            self.kubeconfig, args.cluster.identity, ResourceOptions(parent=self, depends_on=[cluster])
        )
        self.register_outputs({})

    def istiod_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run istiod on this host if Pods are simulated."""
        if self.capabilities.runs_containers:
            return [release]
        return [release, Istiod("istiod-process", self._processes, ResourceOptions(parent=self, depends_on=[release]))]

    def rollouts_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Run the controller on this host if Pods are simulated."""
        if self.capabilities.runs_containers:
            return [release]
        opts = ResourceOptions(parent=self, depends_on=[release])
        return [release, RolloutsController("rollouts-process", self._processes, opts)]
