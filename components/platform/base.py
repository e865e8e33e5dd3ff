"""The interface of a platform; the rest of the lab never asks which platform it runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - Pulumi evaluates the annotations of a component
from dataclasses import dataclass, field

import pulumi  # noqa: TC002
import pulumi_kubernetes as k8s

from components.platform.images import PUBLISHED, Images


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Features of a cluster; if it does not run containers, Pods are simulated."""

    load_balancers: bool
    runs_containers: bool
    metrics: bool


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """Settings of Istio's admission webhooks.

    Attributes:
        injection_url: of the sidecar injector, if the API server does not reach it through istiod's Service.
        validation_url: the same for the validator.
        annotations: of the injector's webhook configuration (AKS' admissions enforcer reads one).
    """

    injection_url: pulumi.Input[str] | None = None
    validation_url: pulumi.Input[str] | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """Settings of the ingress gateway's Service.

    Attributes:
        annotations: of the Service.
        source_ranges: IPv4 ranges that its load balancer admits; empty for no rule.
        address: its address outside the cluster, with the port unless that is 80; None for the Service's own.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    source_ranges: tuple[str, ...] = ()
    address: pulumi.Output[str] | None = None


class Platform:
    """A cluster to install the lab on.

    Attributes:
        kubeconfig: credentials for the cluster: a secret.
        identity: of the cluster; another identity means another cluster, in which everything has to be made again.
        provider: given explicitly to every Kubernetes resource; where the cluster may refuse its caller at first, it is
            made when the cluster does not, and so is everything in the cluster.
        registry: host of the registry of the lab's own images; None for public images.
        images: where all other images come from.
        capabilities: features of the cluster.
        webhooks: settings of Istio's webhooks.
        ingress: settings of the ingress gateway's Service.
        outputs: outputs of the stack, beside those of every platform.
        deleted_with: the resource whose deletion deletes everything in the cluster; None if the cluster stays.
    """

    kubeconfig: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: k8s.Provider
    registry: pulumi.Output[str] | None = None
    images: Images = PUBLISHED
    capabilities: Capabilities
    webhooks: Webhooks = Webhooks()
    ingress: Ingress = Ingress()
    outputs: Mapping[str, pulumi.Output[str]] = {}
    deleted_with: pulumi.Resource | None = None

    @property
    def urn(self) -> pulumi.Output[str]:
        """The URN of the platform's component."""
        raise NotImplementedError

    def istiod_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Return what to depend on for istiod to inject and validate: the release, whose Pod does it where Pods run."""
        return [release]

    def rollouts_ready(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Return what to depend on for Rollouts to be carried out.

        Args:
            release: the release of Argo Rollouts, whose Pod does it where Pods run.
        """
        return [release]

    def run_workloads(self, depends_on: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Run the processes of chosen Pods where Pods are simulated.

        Args:
            depends_on: what must be installed before.
            metrics: whether requests are counted for an analysis.
        """

    def finish(self, depends_on: Sequence[pulumi.Resource]) -> None:
        """Make what may fail without harm to the rest, after all of it.

        Args:
            depends_on: everything else.
        """


def kubernetes_provider(
    kubeconfig: pulumi.Input[str], identity: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> k8s.Provider:
    """Make the provider of all Kubernetes resources of the stack.

    Args:
        kubeconfig: credentials, which may change.
        identity: of the cluster; another one replaces everything in the cluster.
        opts: parent and dependencies.
    """
    return k8s.Provider(
        "kubernetes",
        kubeconfig=kubeconfig,
        cluster_identifier=identity,
        # The lab's ConfigMaps have fixed names: to replace one would be to delete it first.
        enable_config_map_mutable=True,
        opts=opts,
    )
