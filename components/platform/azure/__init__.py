"""The course's own platform: a resource group with a registry, and an AKS cluster that may pull from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_azure_native as azure
from pulumi import InvokeOutputOptions, ResourceOptions
from pulumi_azure_native import authorization, resources

from components.platform.azure import budget, cluster, identity, network, registry, roles
from components.platform.azure.scope import AzureArgs, Scope
from components.platform.base import Capabilities, Platform, Webhooks, kubernetes_provider
from components.platform.naming import azure_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Azure", "AzureArgs"]

_ADMISSION_DELAY = 360.0
"""Seconds until a cluster surely knows its caller's new role; Azure documents up to five minutes."""


class Azure(pulumi.ComponentResource, Platform):
    """A `Platform` on AKS."""

    capabilities = Capabilities(load_balancers=True, runs_containers=True, metrics=True)
    # Otherwise AKS and istiod would overwrite each other's changes to the webhook for ever.
    webhooks = Webhooks(annotations={"admissions.enforcer/disabled": "true"})
    outputs: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: AzureArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:platform:Azure", name, None, opts)
        settings = args.settings
        provider = azure.Provider(
            "azure",
            location=settings.location,
            subscription_id=settings.subscription or None,
            opts=ResourceOptions(parent=self),
        )
        caller = authorization.get_client_config_output(opts=InvokeOutputOptions(provider=provider, parent=self))
        names = caller.subscription_id.apply(lambda subscription: azure_names(args.stack, subscription))
        group = resources.ResourceGroup(
            "resource-group",
            resource_group_name=names.resource_group,
            location=settings.location,
            tags=args.tags,
            opts=ResourceOptions(parent=self, provider=provider, protect=settings.protect),
        )
        scope = Scope(
            args=args, names=names, parent=self, provider=provider, group=group, subscription=caller.subscription_id
        )
        images = registry.make(scope)
        identities = identity.make(scope)
        granted = identity.grant(scope, identities, images)
        aks = cluster.make(scope, identities, granted)
        if settings.budget.email:
            budget.make(scope)
        self.registry = images.login_server
        self.outputs = {
            "azureSubscription": caller.subscription_id,
            "azureResourceGroup": group.name,
            "azureCluster": aks.name,
            "registry": images.login_server,
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
