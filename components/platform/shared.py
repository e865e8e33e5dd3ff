"""The cluster of another stack of this project, shared by the students of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import ResourceOptions

from components.platform.base import Capabilities, Ingress, Platform, kubernetes_provider
from components.platform.images import Copied

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTPUT = "platform"
"""The output with the facts that stacks on the same cluster need; beside it is `kubeconfig`."""


@dataclass(frozen=True, kw_only=True)
class SharedArgs:
    """The reference to the other stack, and the value of its output `platform`."""

    stack: pulumi.StackReference
    facts: Mapping[str, Any]


class Shared(pulumi.ComponentResource, Platform):
    """A `Platform` that another stack has made, with the mesh on it."""

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
        self.images = Copied(registry, facts.get("images", ()))
        self.ingress = Ingress(address=pulumi.Output.from_input(str(facts["ingress"])))
        self.provider = kubernetes_provider(self.kubeconfig, self.identity, ResourceOptions(parent=self))
        self.register_outputs({})


async def shared(name: str, stack: str) -> Shared:
    """Return the platform that another stack has made.

    Raises:
        pulumi.RunError: that stack is not up.
    """
    reference = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}")
    output = await reference.get_output_details(OUTPUT)
    if not isinstance(output.value, dict):
        raise pulumi.RunError(
            f"stack {stack}, which this one shares the cluster of, does not stand: make up STACK={stack}"
        )
    return Shared(name, SharedArgs(stack=reference, facts=output.value))


def facts(platform: Platform, ingress: pulumi.Output[str]) -> dict[str, pulumi.Input[Any]]:
    """Return the output `platform` of the stack that makes the cluster; `ingress` is its gateway's address."""
    capabilities = platform.capabilities
    return {
        "identity": platform.identity,
        "loadBalancers": capabilities.load_balancers,
        "runsContainers": capabilities.runs_containers,
        "metrics": capabilities.metrics,
        "registry": platform.registry or "",
        **({"images": list(copies)} if (copies := platform.images.copies) else {}),
        "ingress": ingress,
    }
