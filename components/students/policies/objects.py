"""Policy for all that students make: it can be deleted when the class ends."""

from __future__ import annotations

from components.students.policies.policy import Policy, Resources, literals
from components.students.rights import RIGHTS

_FINALIZERS = ("foregroundDeletion", "orphan")
"""Which the garbage collector removes from any object."""

_OF_KINDS = {
    "PersistentVolumeClaim": "kubernetes.io/pvc-protection",
    "Pod": "batch.kubernetes.io/job-tracking",
    "Service": "service.kubernetes.io/load-balancer-cleanup",
}
"""Which a controller of Kubernetes sets and removes."""


def policy() -> Policy:
    """Return the policy."""
    others = " || ".join(
        f"(dyn(object).kind == '{kind}' && finalizer == '{finalizer}')" for kind, finalizer in _OF_KINDS.items()
    )
    return Policy(
        key="objects",
        resources=tuple(
            Resources(group=right.group, names=kinds)
            for right in RIGHTS
            if "create" in right.verbs and (kinds := tuple(name for name in right.resources if "/" not in name))
        ),
        rules={
            "a finalizer is for controllers: the object, and with it the namespace, could not be deleted": (
                "dyn(object).metadata.?finalizers.orValue([]).all(finalizer, "
                f"finalizer in {literals(_FINALIZERS)} || {others})"
            ),
        },
    )
