"""The rule that a half-made Helm release is in no update's way, for every release of a program.

An engine, a provider or a lab that is killed while Helm works leaves a release that is not in the state, or one that is
pending; Helm then refuses to install or to change it, for ever. Here every `up` passes, also that of plain pulumi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import ResourceHook, ResourceHookBinding, ResourceOptions, ResourceTransformationResult

from components.platform.cluster import in_one_line
from lab.core.errors import LabError
from lab.platforms import releases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi import ResourceHookArgs, ResourceTransformationArgs

    from components.platform.cluster import Cluster
    from lab.adapters.cluster_api import ClusterApi

_RELEASE = "kubernetes:helm.sh/v3:Release"

_FORGET, _UNBLOCK = "leftover-release", "pending-release"
"""The names of the hooks, with which the engine begins their errors."""


def guard(cluster: Cluster, stack: str) -> None:
    """Clear the way for each release that the program declares from now on.

    Args:
        cluster: is asked about releases.
        stack: full name of the stack, which marks its namespaces.
    """

    async def forget(args: ResourceHookArgs) -> None:
        await _clear(args, lambda api, namespace, name: releases.forget(api, namespace, name, stack))

    async def unblock(args: ResourceHookArgs) -> None:
        await _clear(args, releases.unblock)

    async def _clear(args: ResourceHookArgs, work: Callable[[ClusterApi, str, str], list[str]]) -> None:
        from lab.adapters.cluster_api import ForbiddenError, UnreachableError

        inputs: Any = args.new_inputs or {}
        namespace, name = inputs["namespace"], inputs["name"]
        try:
            cleared = await cluster.ask(lambda api: work(api, namespace, name))
        except (ForbiddenError, UnreachableError):
            return  # of which Helm will complain, with a patience of its own
        except LabError as error:
            raise in_one_line(error) from None
        for status in cleared or ():
            pulumi.log.info(f"forgetting the half-made Helm release {name} ({status}) of a killed update")

    hooks = ResourceHookBinding(
        before_create=[ResourceHook(_FORGET, forget)], before_update=[ResourceHook(_UNBLOCK, unblock)]
    )

    def protect(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ != _RELEASE:
            return None
        return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, ResourceOptions(hooks=hooks)))

    pulumi.runtime.register_stack_transformation(protect)
