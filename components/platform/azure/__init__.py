"""The course's own platform: a resource group with a registry, and an AKS cluster that may pull from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure
from pulumi import InvokeOptions, ResourceHookBinding, ResourceOptions
from pulumi_azure_native import resources

from components.platform import admission, guard
from components.platform.azure import account, budget, cluster, identity, network, propagation, registry, roles
from components.platform.azure.images import Imported
from components.platform.azure.scope import AzureArgs, Scope
from components.platform.base import Capabilities, Platform, Webhooks, kubernetes_provider
from components.platform.naming import azure_names
from lab.platforms.azure.standing import Plan, plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.platform.azure.account import Account
    from components.platform.guard import Standing

__all__ = ["Azure", "AzureArgs"]


class Azure(pulumi.ComponentResource, Platform):
    """A `Platform` on AKS; it is declared in two steps, since Azure is asked in between."""

    capabilities = Capabilities(load_balancers=True, runs_containers=True, metrics=True)
    # Otherwise AKS and istiod would overwrite each other's changes to the webhook for ever.
    webhooks = Webhooks(annotations={"admissions.enforcer/disabled": "true"})
    outputs: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: AzureArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Azure", name, None, opts)
        self._azure_args = args
        self._scope: Scope | None = None
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
        args = self._azure_args
        opts = InvokeOptions(provider=self._azure_provider, parent=self)
        caller = await account.login(opts)
        found = await account.cluster(caller, azure_names(args.stack, caller.subscription), args.stack, opts)
        planned = plan(args.settings, args.kubernetes_version, found)
        for note in planned.notes:
            pulumi.log.warn(note)
        self.declare(caller, await guard.standing(), planned)

    def declare(self, caller: Account, standing: Standing, planned: Plan) -> None:
        """Declare everything in Azure.

        Args:
            caller: who is logged in.
            standing: what must not be replaced.
            planned: the cluster's version and nodes.
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
                hooks=ResourceHookBinding(before_create=[kept]) if kept else None,
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
            retry=propagation.retry_until_propagated(),
        )
        own_registry = registry.make(scope)
        if settings.import_images:
            self.images = Imported(scope, own_registry)
        identities = identity.make(scope)
        granted = identity.grant(scope, identities, own_registry)
        aks = cluster.make(scope, planned, identities, granted)
        self._scope = scope
        self.registry = own_registry.login_server
        self.outputs = {
            "azureSubscription": pulumi.Output.from_input(caller.subscription),
            "azureResourceGroup": group.name,
            "azureCluster": aks.name,
            "azureVmSize": pulumi.Output.from_input(planned.pool.vm_size),
            "registry": own_registry.login_server,
            **({"costPerHour": pulumi.Output.from_input(cost)} if (cost := args.price(planned.pool.vm_size)) else {}),
        }
        self.deleted_with = aks
        self.ingress = network.ingress(settings.ingress_ranges)
        self.kubeconfig = cluster.kubeconfig(scope, aks)
        self.identity = aks.id
        entered = self.kubeconfig
        if settings.entra:
            # A role that was granted this moment does not count yet.
            role = cluster.admit(scope, aks, caller)
            entered = admission.admitted(self.kubeconfig, role, role=roles.CLUSTER_ADMIN)
        self.provider = kubernetes_provider(entered, self.identity, ResourceOptions(parent=self))
        self.register_outputs({})

    def finish(self, depends_on: Sequence[pulumi.Resource]) -> None:
        """Make the budget: many a subscription takes none, and that must not end the update."""
        if self._scope and self._azure_args.settings.budget.email:
            budget.make(self._scope, depends_on)
