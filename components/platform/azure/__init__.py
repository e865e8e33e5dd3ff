"""The course's own platform: a resource group with a registry, and an AKS cluster that may pull from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure
from pulumi import InvokeOptions, ResourceOptions
from pulumi_azure_native import resources

from components.platform import guard
from components.platform.azure import account, budget, cluster, identity, network, registry, roles
from components.platform.azure.scope import AzureArgs, Scope
from components.platform.base import Capabilities, Platform, Webhooks, kubernetes_provider
from components.platform.naming import azure_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.platform.azure.account import Account
    from components.platform.guard import Standing

__all__ = ["Azure", "AzureArgs"]

_ADMISSION_DELAY = 360.0
"""Seconds until a cluster surely knows its caller's new role; Azure documents up to five minutes."""


class Azure(pulumi.ComponentResource, Platform):
    """A `Platform` on AKS; it is declared in two steps, since Azure is asked in between."""

    capabilities = Capabilities(load_balancers=True, runs_containers=True, metrics=True)
    # Otherwise AKS and istiod would overwrite each other's changes to the webhook for ever.
    webhooks = Webhooks(annotations={"admissions.enforcer/disabled": "true"})
    outputs: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: AzureArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Azure", name, None, opts)
        self._azure_args = args
        self._azure_provider = azure.Provider(
            "azure",
            location=args.settings.location,
            subscription_id=args.settings.subscription or None,
            opts=ResourceOptions(parent=self),
        )

    async def ask_and_declare(self) -> None:
        """Declare everything in Azure, unless Azure or the stack's state has a reason not to.

        Raises:
            LabError: nobody is logged in, or the cluster is stopped.
        """
        stack = self._azure_args.stack
        opts = InvokeOptions(provider=self._azure_provider, parent=self)
        caller = await account.login(opts)
        await account.require_running(caller, azure_names(stack, caller.subscription), stack, opts)
        self.declare(caller, await guard.standing())

    def declare(self, caller: Account, standing: Standing) -> None:
        """Declare everything in Azure.

        Args:
            caller: who is logged in.
            standing: what must not be replaced.
        """
        args, provider = self._azure_args, self._azure_provider
        settings = args.settings
        names = azure_names(args.stack, caller.subscription)
        kept = None if settings.allow_replace else guard.keep(standing, args.stack)
        group = resources.ResourceGroup(
            "resource-group",
            resource_group_name=names.resource_group,
            location=settings.location,
            tags=args.tags,
            opts=ResourceOptions(
                parent=self,
                provider=provider,
                protect=settings.protect,
                hooks=kept,
                delete_before_replace=False if kept else None,
            ),
        )
        scope = Scope(
            args=args,
            names=names,
            parent=self,
            provider=provider,
            group=group,
            subscription=caller.subscription,
            kept=kept,
        )
        images = registry.make(scope)
        identities = identity.make(scope)
        granted = identity.grant(scope, identities, images)
        aks = cluster.make(scope, identities, granted)
        if settings.budget.email:
            budget.make(scope)
        self.registry = images.login_server
        self.outputs = {
            "azureSubscription": pulumi.Output.from_input(caller.subscription),
            "azureResourceGroup": group.name,
            "azureCluster": aks.name,
            "registry": images.login_server,
            **({"costPerHour": pulumi.Output.from_input(args.cost_per_hour)} if args.cost_per_hour else {}),
        }
        self.deleted_with = aks
        self.ingress = network.ingress(settings.ingress_ranges)
        self.kubeconfig = cluster.kubeconfig(scope, aks)
        admitted = [cluster.admit(scope, aks, caller)] if settings.entra else []
        self.hooks = roles.retry_until_propagated_in_cluster() if settings.entra else None
        self.admission_delay = _ADMISSION_DELAY if settings.entra else 0.0
        self.identity = aks.id
        self.provider = kubernetes_provider(
            self.kubeconfig, self.identity, ResourceOptions(parent=self, depends_on=admitted)
        )
        self.register_outputs({})
