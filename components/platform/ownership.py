"""The rule that a stack makes its namespaces itself and adopts nobody else's, for every namespace of a program.

Server-side apply, by which the Kubernetes provider creates, takes over what exists, and `destroy` would then delete it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, cast

import pulumi
from pulumi import ResourceHook, ResourceHookBinding, ResourceOptions, ResourceTransformationResult

from lab.core.errors import LabError
from lab.platforms import ownership

if TYPE_CHECKING:
    from pulumi import ResourceHookArgs, ResourceTransformationArgs

    from components.platform.base import Platform
    from lab.adapters.cluster_login import Login
    from lab.core.manifests import Object

_NAMESPACE = "kubernetes:core/v1:Namespace"

_HOOK = "namespace"
"""The name of the hook, with which the engine begins its error."""

_HEAD_START = 1.0
"""Seconds after which a cluster that is not known yet is surely just being made."""

_PAUSE = 2.0
"""Seconds between two questions to a cluster that does not know a new role yet."""


def full_name() -> str:
    """Return the name of the stack that no other stack of the same backend has."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def guard(platform: Platform) -> None:
    """Mark each namespace that the program declares from now on, and check the cluster before it is created.

    Delete hooks are none of this: a plain `pulumi destroy` does not run the program and would fail.
    """
    stack = full_name()
    questions = _Questions(platform)

    async def require_own(args: ResourceHookArgs) -> None:
        name = (args.new_inputs or {})["metadata"]["name"]
        try:
            if found := await questions.find(name):
                ownership.require_own(found, stack)
        except LabError as error:
            raise LabError("; ".join(filter(None, [error.message, error.remedy]))) from None

    if not pulumi.runtime.is_dry_run():
        asyncio.get_running_loop().call_later(_HEAD_START, questions.prepare)
    hooks = ResourceHookBinding(before_create=[ResourceHook(_HOOK, require_own)])

    def protect(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ != _NAMESPACE:
            return None
        metadata = cast("Object", args.props["metadata"])
        marked = {**metadata, "annotations": {**metadata.get("annotations", {}), ownership.MARK: stack}}
        opts = ResourceOptions.merge(args.opts, ResourceOptions(hooks=hooks))
        return ResourceTransformationResult({**args.props, "metadata": marked}, opts)

    pulumi.runtime.register_stack_transformation(protect)


class _Questions:
    """Questions to the platform's API server, with one login for all of them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known = False
        self._lock = threading.Lock()
        self._login: Login | None = None
        platform.kubeconfig.apply(self._note)

    def _note(self, _kubeconfig: str) -> None:
        self._known = True

    def prepare(self) -> None:
        """Load what a question needs while the cluster is being made: the first one would take a tenth of a second."""
        if not self._known:
            threading.Thread(target=_load, daemon=True).start()

    async def find(self, name: str) -> Object | None:
        """Return a namespace, or None.

        Raises:
            LabError: nobody answers, or access is refused for longer than the platform's new roles take.
        """
        kubeconfig = await self._platform.kubeconfig.future()
        return await asyncio.to_thread(self._find, str(kubeconfig), name)

    def _find(self, kubeconfig: str, name: str) -> Object | None:
        from lab.adapters.cluster_api import ClusterApi, ForbiddenError, login

        with self._lock:
            self._login = self._login or login(kubeconfig)
        deadline = time.monotonic() + self._platform.admission_delay
        while True:
            try:
                with ClusterApi(kubeconfig, credentials=self._login) as cluster:
                    return cluster.find(ownership.path(name))
            except ForbiddenError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)


def _load() -> None:
    """Import what asks API servers; a program that makes no namespace does without it."""
    import lab.adapters.cluster_api  # noqa: F401
