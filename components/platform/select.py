"""Selection of the platform: the only place that looks at the target's name."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from components.platform import fields, guard, ownership, releases
from components.platform.cluster import Cluster
from lab.core import paths, versions
from lab.core.namespaces import ARGO_ROLLOUTS, ISTIO_SYSTEM, SHOP, TUTORIAL
from lab.settings import Target

if TYPE_CHECKING:
    from components.platform.base import Platform
    from lab.settings import Settings

_SENT = 0.02
"""Seconds until the children of a registered component are on their way to the engine."""


async def select(settings: Settings, stack: str) -> Platform:
    """Make the platform of the settings' target.

    A platform's module is imported only when it is used: Azure's classes alone take half a second.

    Args:
        settings: of the lab.
        stack: its name, which separates labs on one machine or in one subscription.

    Raises:
        LabError: the target cannot be used, or what stands there would be lost.
    """
    if settings.target is not Target.AZURE:
        await guard.require_kept(stack, settings.target, allowed=settings.azure.allow_replace)
    platform: Platform
    match settings.target:
        case Target.EMBEDDED:
            platform = _embedded(settings, stack)
        case Target.AZURE:
            platform = await _azure(settings, stack)
        case Target.KUBECONFIG:
            platform = _kubeconfig(settings, stack)
        case Target.SHARED:
            from components.platform.shared import shared

            platform = await shared("shared", settings.shared.platform)
    cluster = Cluster(platform)
    ownership.guard(cluster)
    releases.guard(cluster, ownership.full_name())
    before = asyncio.ensure_future(fields.declared_before())
    # The SDK sends nothing before the program pauses. With this pause the engine starts the platform while the rest is
    # imported and declared; without it a preview on the embedded platform takes half a second more.
    await platform.urn.future()
    await asyncio.sleep(_SENT)
    fields.share(await before)
    return platform


def _embedded(settings: Settings, stack: str) -> Platform:
    from components.platform.embedded import Embedded, EmbeddedArgs
    from lab.platforms.embedded.nodes import NodeSpec

    nodes = settings.nodes
    args = EmbeddedArgs(
        directory=paths.relative(paths.stack_dir(stack)),
        version=versions.KUBERNETES,
        nodes=NodeSpec(count=nodes.count, zones=nodes.zones, cpu=nodes.cpu, memory=nodes.memory),
    )
    return Embedded("embedded", args)


async def _azure(settings: Settings, stack: str) -> Platform:
    from components.platform.azure import Azure, AzureArgs, preconditions

    args = AzureArgs(
        settings=preconditions.check(settings, stack),
        stack=stack,
        tags=settings.tags(stack),
        kubernetes_version=settings.kubernetes_version,
        price=partial(preconditions.price, settings),
    )
    platform = Azure("azure", args)
    await platform.ask_and_declare()
    return platform


def _kubeconfig(settings: Settings, stack: str) -> Platform:
    from components.platform.kubeconfig import Kubeconfig, KubeconfigArgs
    from lab.platforms.kubeconfig import probe, read

    chosen = settings.kubeconfig
    content = read(chosen.file, chosen.context)
    cluster = probe(content)
    cluster.require(istio=settings.istio_version)
    args = KubeconfigArgs(
        directory=paths.relative(paths.stack_dir(stack)),
        content=content,
        cluster=cluster,
        purge_crds=chosen.purge_crds,
        namespaces=(
            ISTIO_SYSTEM,
            TUTORIAL,
            *((SHOP,) if settings.shop.enabled else ()),
            *((ARGO_ROLLOUTS,) if settings.rollouts.enabled else ()),
        ),
        stack=ownership.full_name(),
    )
    return Kubeconfig("kubeconfig", args)
