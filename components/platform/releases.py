"""The rule that a half-made Helm release is in no update's way, for every release of a program.

An engine, a provider or a lab that is killed while Helm works leaves a release that is not in the state, or one that is
pending; Helm then refuses to install or to change it, for ever. Here every `up` passes, also that of plain pulumi.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import ResourceHook, ResourceHookBinding, ResourceOptions, ResourceTransformationResult

from components.platform import threads
from lab.core.errors import LabError
from lab.platforms import releases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi import ResourceHookArgs, ResourceTransformationArgs

    from components.platform.base import Platform
    from lab.adapters.cluster_api import ClusterApi
    from lab.adapters.cluster_login import Login

_RELEASE = "kubernetes:helm.sh/v3:Release"

_FORGET, _UNBLOCK = "leftover-release", "pending-release"
"""The names of the hooks, with which the engine begins their errors."""


def guard(platform: Platform, stack: str) -> None:
    """Clear the way for each release that the program declares from now on.

    Args:
        platform: has the cluster.
        stack: full name of the stack, which marks its namespaces.
    """
    cluster = _Cluster(platform)

    async def forget(args: ResourceHookArgs) -> None:
        await _clear(args, lambda api, namespace, name: releases.forget(api, namespace, name, stack))

    async def unblock(args: ResourceHookArgs) -> None:
        await _clear(args, releases.unblock)

    async def _clear(args: ResourceHookArgs, work: Callable[[ClusterApi, str, str], list[str]]) -> None:
        inputs: Any = args.new_inputs or {}
        namespace, name = inputs["namespace"], inputs["name"]
        for status in await cluster.ask(lambda api: work(api, namespace, name)):
            pulumi.log.info(f"forgetting the half-made Helm release {name} ({status}) of a killed update")

    hooks = ResourceHookBinding(
        before_create=[ResourceHook(_FORGET, forget)], before_update=[ResourceHook(_UNBLOCK, unblock)]
    )

    def protect(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ != _RELEASE:
            return None
        return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, ResourceOptions(hooks=hooks)))

    pulumi.runtime.register_stack_transformation(protect)


class _Cluster:
    """The platform's API server, with one login for all questions."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._login: Login | None = None

    async def ask(self, question: Callable[[ClusterApi], list[str]]) -> list[str]:
        """Return the answer; none from a cluster that gives none, of which Helm will complain with its own patience.

        Raises:
            LabError: somebody else's release is in the way.
        """
        kubeconfig = await self._platform.kubeconfig.future()
        return await threads.run(lambda: self._ask(str(kubeconfig), question))

    def _ask(self, kubeconfig: str, question: Callable[[ClusterApi], list[str]]) -> list[str]:
        from lab.adapters.cluster_api import ClusterApi, ForbiddenError, UnreachableError, login

        try:
            with self._lock:
                self._login = self._login or login(kubeconfig)
            with ClusterApi(kubeconfig, credentials=self._login) as api:
                return question(api)
        except (ForbiddenError, UnreachableError):
            return []
        except LabError as error:
            raise LabError("; ".join(filter(None, [error.message, error.remedy]))) from None
