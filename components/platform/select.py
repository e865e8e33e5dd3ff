"""Selection of the platform: the only place that looks at the target's name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pulumi

from components.platform import ownership
from lab.core import paths, versions
from lab.core.errors import LabError
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
    """
    platform: Platform
    match settings.target:
        case Target.EMBEDDED:
            platform = _embedded(settings, stack)
        case Target.AZURE:
            platform = _azure(settings, stack)
        case Target.KUBECONFIG:
            platform = _kubeconfig(settings, stack)
        case Target.SHARED:
            from components.platform.shared import shared

            platform = await shared("shared", settings.shared.platform)
    ownership.guard(platform)
    # The SDK sends nothing before the program pauses. With this pause the engine starts the platform while the rest is
    # imported and declared; without it a preview on the embedded platform takes half a second more.
    await platform.urn.future()
    await asyncio.sleep(_SENT)
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


def _azure(settings: Settings, stack: str) -> Platform:
    from components.platform.azure import Azure, AzureArgs

    args = AzureArgs(
        settings=settings.azure, stack=stack, tags=settings.tags(stack), kubernetes_version=settings.kubernetes_version
    )
    return Azure("azure", args)


def _kubeconfig(settings: Settings, stack: str) -> Platform:
    from components.platform.kubeconfig import Kubeconfig, KubeconfigArgs
    from lab.platforms.kubeconfig import probe, read

    chosen = settings.kubeconfig
    try:
        content = read(chosen.file, chosen.context)
        cluster = probe(content)
        cluster.require(istio=settings.istio_version)
    except LabError as error:
        raise pulumi.RunError(str(error)) from None  # the engine shows this type without a stack trace
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
