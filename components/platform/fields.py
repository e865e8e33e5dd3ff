"""Fields that the program and somebody else both write, for every Kubernetes object of a program: who wins.

- The number of Pods belongs to whoever scaled last, be it `kubectl scale` or an autoscaler. The stack sets it when it
  creates the workload, and when its declaration changes.
- Fields that a controller writes are ignored by the resource that has them: see `Progressive`.
- Every other declared field belongs to the settings. An update of its object sets it back, whoever wrote it.

So no update ends in a conflict of server-side apply, and a preview shows what an update does: it does not depend on the
cluster. `lab drift` says the same about each field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import pulumi
from pulumi import ResourceOptions, ResourceTransformationResult

from components.platform import guard
from lab.core import replicas

if TYPE_CHECKING:
    from pulumi import ResourceTransformationArgs

_KUBERNETES = "kubernetes:"
_FORCE = {"pulumi.com/patchForce": "true"}

Workload: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """A workload after the last update: the declared number of Pods, and the whole spec of the cluster."""

    count: int
    spec: Mapping[str, object]


def share(before: Mapping[Workload, Former]) -> None:
    """Apply the rules to each object that the program declares from now on.

    Args:
        before: workloads in the stack's state.
    """

    def decide(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        metadata = args.props.get("metadata")
        if not args.type_.startswith(_KUBERNETES) or not isinstance(metadata, Mapping):
            return None
        annotations, ignored = {**metadata.get("annotations", {}), **_FORCE}, list[str]()
        kind, count = args.type_.rpartition(":")[2], _count(args.props)
        if kind in replicas.KINDS and count is not None:
            annotations[replicas.DECLARED] = str(count)
            former = before.get((kind, metadata.get("namespace", "default"), metadata["name"]))
            # A replacement would begin without the number that the state forgot.
            if former and former.count == count and not _is_replaced(args, former):
                ignored = [replicas.FIELD]
        opts = ResourceOptions.merge(args.opts, ResourceOptions(ignore_changes=ignored))
        return ResourceTransformationResult({**args.props, "metadata": {**metadata, "annotations": annotations}}, opts)

    pulumi.runtime.register_stack_transformation(decide)


async def declared_before() -> Mapping[Workload, Former]:
    """Return the workloads in the stack's state."""
    found: dict[Workload, Former] = {}
    for each in (await guard.ask("readStackResourceOutputs", "stackName")).values():
        kind, outputs = str(each["type"]).rpartition(":")[2], each.get("outputs") or {}
        if not str(each["type"]).startswith(_KUBERNETES) or kind not in replicas.KINDS or "metadata" not in outputs:
            continue
        metadata = outputs["metadata"]
        # A lab of an earlier version has no annotation: its number is that of the cluster then.
        count = (metadata.get("annotations") or {}).get(replicas.DECLARED) or _count(outputs)
        if count is not None:
            former = Former(count=int(count), spec=outputs.get("spec") or {})
            found[kind, metadata.get("namespace", "default"), metadata["name"]] = former
    return found


def _is_replaced(args: ResourceTransformationArgs, former: Former) -> bool:
    """Check for a changed field that replaces the workload."""
    spec = cast("Mapping[str, object]", args.props["spec"])
    fields = [path.removeprefix("spec.") for path in args.opts.replace_on_changes or ()]
    return not all(_is_in(spec.get(field), former.spec.get(field)) for field in fields)


def _is_in(declared: object, live: object) -> bool:
    """Check that a live value has what is declared; the API server may have added to it."""
    if isinstance(declared, Mapping) and isinstance(live, Mapping):
        return all(key in live and _is_in(value, live[key]) for key, value in declared.items())
    if isinstance(declared, list) and isinstance(live, list):
        return len(declared) == len(live) and all(map(_is_in, declared, live))
    return declared == live


def _count(of: Mapping[str, object]) -> int | None:
    spec = of.get("spec")
    count = spec.get("replicas") if isinstance(spec, Mapping) else None
    return int(count) if isinstance(count, int | float) else None
