"""The rule that a stack makes its objects itself and adopts nobody else's, for every Kubernetes object of a program.

Server-side apply, by which the Kubernetes provider creates, takes over what exists, and `destroy` would then delete it.
A namespace carries the name of its stack; in a namespace of its own a stack knows its objects by their field manager.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pulumi
from pulumi import (
    ResourceHook,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
    ResourceTransformationResult,
)

from components.platform.cluster import in_one_line
from lab.core.errors import LabError
from lab.platforms import ownership

if TYPE_CHECKING:
    from pulumi import ResourceHookArgs, ResourceTransformationArgs

    from components.platform.cluster import Cluster
    from lab.core.manifests import Object

_NAMESPACE = "kubernetes:core/v1:Namespace"

_KUBERNETES = "kubernetes:"

_HOOK, _OBJECT_HOOK = "namespace", "object"
"""The names of the hooks, with which the engine begins its error."""

_HEAD_START = 2.5
"""Seconds after which a cluster that is not known yet is surely just being made."""


def full_name() -> str:
    """Return the name of the stack that no other stack of the same backend has."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def guard(cluster: Cluster) -> None:
    """Mark each namespace that the program declares from now on, and check the cluster before an object is created.

    Delete hooks are none of this: a plain `pulumi destroy` does not run the program and would fail.
    """
    stack = full_name()
    checks = _Checks(stack, _Questions(cluster))
    if not pulumi.runtime.is_dry_run():
        asyncio.get_running_loop().call_later(_HEAD_START, cluster.prepare)
    hooks = ResourceHookBinding(before_create=[ResourceHook(_HOOK, checks.require_own)])
    of_objects = ResourceHook(_OBJECT_HOOK, checks.require_free, ResourceHookOptions(on_dry_run=True))
    for_objects = ResourceOptions(hooks=ResourceHookBinding(before_create=[of_objects]))

    def protect(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        metadata = args.props.get("metadata")
        if not args.type_.startswith(_KUBERNETES) or not isinstance(metadata, Mapping):
            return None
        if args.type_ != _NAMESPACE:
            return ResourceTransformationResult(args.props, ResourceOptions.merge(args.opts, for_objects))
        marked = {**metadata, "annotations": {**metadata.get("annotations", {}), ownership.MARK: stack}}
        opts = ResourceOptions.merge(args.opts, ResourceOptions(hooks=hooks))
        return ResourceTransformationResult({**args.props, "metadata": marked}, opts)

    pulumi.runtime.register_stack_transformation(protect)


class _Checks:
    """The checks before an object is created; their errors are of one line, as the engine shows them."""

    def __init__(self, stack: str, questions: _Questions) -> None:
        self._stack = stack
        self._questions = questions
        self._made: set[str] = set()
        """Namespaces that were not there: nothing can be in them."""

    async def require_own(self, args: ResourceHookArgs) -> None:
        """Refuse a namespace of somebody else."""
        name = (args.new_inputs or {})["metadata"]["name"]
        try:
            if found := await self._questions.find(ownership.path(name)):
                ownership.require_own(found, self._stack)
            else:
                self._made.add(name)
        except LabError as error:
            raise in_one_line(error) from None

    async def require_free(self, args: ResourceHookArgs) -> None:
        """Refuse an object of somebody else; a preview of a lab that is stopped cannot know."""
        inputs = cast("Object", args.new_inputs or {})
        if inputs["metadata"].get("namespace") in self._made:
            return
        from lab.adapters.cluster_api import UnreachableError  # which loads httpx, while the cluster is being made

        try:
            if found := await self._questions.find_object(inputs):
                ownership.require_free_name(found)
        except UnreachableError as error:
            if not pulumi.runtime.is_dry_run():
                raise in_one_line(error) from None
        except LabError as error:
            raise in_one_line(error) from None


class _Questions:
    """Questions about objects; the kinds of each API group are looked up once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._resources: dict[str, dict[str, Object]] = {}

    async def find(self, path: str) -> Object | None:
        """Return an object, or None; raise what `Cluster.ask` raises."""
        return await self._cluster.ask(lambda api: api.find(path))

    async def find_object(self, wanted: Object) -> Object | None:
        """Return the object that has the name of this one; raise what `find` raises."""
        group = wanted["apiVersion"]
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        if wanted["kind"] not in self._resources.get(root, {}):
            listed = (await self.find(root) or {}).get("resources", ())
            self._resources[root] = {each["kind"]: each for each in listed if "/" not in each["name"]}
        resource = self._resources[root].get(wanted["kind"])
        if resource is None:  # a definition that is yet to come
            return None
        metadata = wanted["metadata"]
        place = f"/namespaces/{metadata.get('namespace', 'default')}" if resource["namespaced"] else ""
        return await self.find(f"{root}{place}/{resource['name']}/{metadata['name']}")
