"""Namespaces of the course: those of its handout, or a student's own on a shared cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi


@dataclass(frozen=True, kw_only=True)
class NamespaceRef:
    """A namespace for other components to use.

    Attributes:
        key: its name in the handout; logical names are derived from it, so they do not depend on the student.
        name: its name in the cluster.
        depends_on: what must exist before anything in it.
    """

    key: str
    name: str
    depends_on: Sequence[pulumi.Resource] = ()


DEFAULT = NamespaceRef(key="default", name="default")
"""The namespace that every cluster has."""


def injected(name: str, parent: pulumi.Resource) -> NamespaceRef:
    """Create a namespace whose Pods get a sidecar."""
    metadata = {"name": name, "labels": {"istio-injection": "enabled"}}
    namespace = k8s.core.v1.Namespace(name, metadata=metadata, opts=ResourceOptions(parent=parent))
    return NamespaceRef(key=name, name=name, depends_on=[namespace])
