"""A cluster that another stack of this project has made, and that the students of a class share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s  # noqa: TC002 - Pulumi evaluates the annotations of a class
from pulumi import ResourceOptions

from components.platform import provider
from components.platform.base import NO_OUTPUTS, Capabilities, Ingress, Webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.platform.base import Platform

OUTPUT = "platform"
"""The output of a stack that says what others need to know to stand on its cluster; beside it is `kubeconfig`."""


@dataclass(frozen=True, kw_only=True)
class SharedArgs:
    """What the other stack says of itself.

    Attributes:
        stack: the reference to it.
        facts: its output `platform`.
    """

    stack: pulumi.StackReference
    facts: Mapping[str, Any]


class Shared(pulumi.ComponentResource):
    """A `Platform` that stands already, mesh and all."""

    kubeconfig: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: k8s.Provider
    registry: pulumi.Output[str] | None
    capabilities: Capabilities
    webhooks = Webhooks()
    ingress: Ingress
    outputs: Mapping[str, pulumi.Output[str]] = NO_OUTPUTS
    hooks: pulumi.ResourceHookBinding | None = None
    deleted_with: pulumi.Resource | None = None

    def __init__(self, name: str, args: SharedArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Shared", name, None, opts)
        facts = args.facts
        self.kubeconfig = pulumi.Output.secret(args.stack.require_output("kubeconfig"))
        self.identity = pulumi.Output.from_input(str(facts["identity"]))
        self.capabilities = Capabilities(
            load_balancers=bool(facts["loadBalancers"]),
            runs_containers=bool(facts["runsContainers"]),
            metrics=bool(facts["metrics"]),
        )
        registry = str(facts.get("registry", ""))
        self.registry = pulumi.Output.from_input(registry) if registry else None
        self.ingress = Ingress(address=pulumi.Output.from_input(str(facts["ingress"])))
        self.provider = provider.kubernetes(self.kubeconfig, self.identity, ResourceOptions(parent=self))
        self.register_outputs({})

    def rolling_out(self, release: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Whoever made the cluster has seen to it."""
        return [release]

    def run_workloads(self, after: Sequence[pulumi.Resource], *, metrics: bool) -> None:
        """Nothing: the Pods are the cluster's."""

    def serving(self, base: k8s.helm.v3.Release, istiod: k8s.helm.v3.Release) -> list[pulumi.Resource]:
        """Whoever made the cluster has seen to it."""
        del base
        return [istiod]


async def shared(name: str, stack: str) -> Shared:
    """The platform that another stack has made.

    Args:
        name: logical name.
        stack: the other one's name.

    Raises:
        pulumi.RunError: it does not stand.
    """
    reference = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}")
    found = await reference.get_output_details(OUTPUT)
    if not isinstance(found.value, dict):
        raise pulumi.RunError(
            f"stack {stack}, which this one shares the cluster of, does not stand: make up STACK={stack}"
        )
    return Shared(name, SharedArgs(stack=reference, facts=found.value))


def facts(platform: Platform, ingress: pulumi.Output[str]) -> dict[str, pulumi.Input[Any]]:
    """What `shared` needs to know, for the output of the stack that makes the cluster.

    Args:
        platform: the cluster.
        ingress: address of the ingress gateway.
    """
    capabilities = platform.capabilities
    return {
        "identity": platform.identity,
        "loadBalancers": capabilities.load_balancers,
        "runsContainers": capabilities.runs_containers,
        "metrics": capabilities.metrics,
        "registry": platform.registry or "",
        "ingress": ingress,
    }
