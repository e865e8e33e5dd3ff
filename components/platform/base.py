"""What every platform gives to the rest of the lab, which never asks which platform it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi
    import pulumi_kubernetes as k8s


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a cluster can do.

    Attributes:
        load_balancers: Services of type LoadBalancer get an address.
        runs_containers: Pods run their containers; where not, Pods are simulated.
        metrics: the metrics API answers (`kubectl top`).
    """

    load_balancers: bool
    runs_containers: bool
    metrics: bool


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    """What Istio's admission webhooks need to know of the platform.

    Attributes:
        injection_url: where the API server reaches the sidecar injector, when not through istiod's Service.
        validation_url: the same for the validator.
        annotations: put on the injector's webhook configuration (AKS' admissions enforcer reads one).
    """

    injection_url: pulumi.Input[str] | None = None
    validation_url: pulumi.Input[str] | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ingress:
    """How the ingress gateway meets the world outside the cluster.

    Attributes:
        annotations: on its Service, in the platform's own words.
        source_ranges: IPv4 ranges that its load balancer lets in; empty for no rule.
        address: where it is reached from outside, with the port unless that is 80; None for where its Service says.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    source_ranges: tuple[str, ...] = ()
    address: pulumi.Output[str] | None = None


NO_OUTPUTS: Mapping[str, pulumi.Output[str]] = MappingProxyType({})
"""Of a platform of which there is nothing more to know."""


class Platform(Protocol):
    """A cluster to put the lab on."""

    @property
    def urn(self) -> pulumi.Output[str]:
        """The component's name in the engine."""

    @property
    def kubeconfig(self) -> pulumi.Output[str]:
        """Credentials for the cluster: a secret."""

    @property
    def identity(self) -> pulumi.Output[str]:
        """Another one means another cluster, in which everything has to be made again."""

    @property
    def provider(self) -> k8s.Provider:
        """The one way to the cluster; every Kubernetes resource is given it explicitly."""

    @property
    def registry(self) -> pulumi.Output[str] | None:
        """The registry that images of the lab's own apps come from, or None for public images."""

    @property
    def capabilities(self) -> Capabilities:
        """What the cluster can do."""

    @property
    def webhooks(self) -> Webhooks:
        """How the API server reaches Istio's webhooks."""

    @property
    def ingress(self) -> Ingress:
        """How the ingress gateway meets the world outside the cluster."""

    @property
    def outputs(self) -> Mapping[str, pulumi.Output[str]]:
        """What people and the `lab` command want to know of this platform, by the name of the stack's output."""

    @property
    def hooks(self) -> pulumi.ResourceHookBinding | None:
        """Hooks of the first object that is made in the cluster, which may have to wait for a permission."""

    @property
    def deleted_with(self) -> pulumi.Resource | None:
        """The resource whose deletion takes everything in the cluster with it; None when the cluster stays."""

    def rolling_out(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """What to depend on so that Rollouts are carried out.

        Args:
            release: the release of Argo Rollouts.
        """

    def run_workloads(self, after: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Run what the cluster itself does not: the processes of chosen Pods, where Pods are simulated.

        Args:
            after: what should stand before; it then has the machine for itself.
            metrics: whether their requests are counted, for somebody to ask.
        """

    def serving(self, base: k8s.helm.v3.Release, istiod: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """What to depend on so that istiod injects and validates.

        Args:
            base: the release of Istio's CRDs.
            istiod: the release of istiod's chart.
        """
