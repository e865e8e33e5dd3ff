"""A student's namespaces on a shared cluster, with quota, limits, network policy and Sidecar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.namespaces import NamespaceRef
from components.students.access import StudentAccess, StudentAccessArgs
from lab.core.namespaces import ISTIO_SYSTEM
from lab.settings.students import CLASS_LABEL, COURSE, STUDENT_LABEL, namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Settings

_INJECTED = ("tutorial", "shop")
"""Namespaces of the handout with sidecar injection."""

_PLATFORM = (ISTIO_SYSTEM,)
"""Namespaces that students' Pods send requests to and get them from: gateways, Prometheus, Jaeger."""

_FORBIDDEN = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""LoadBalancers cost money, NodePorts open a port on every node."""

_DEFAULTS = {"default": {"cpu": "500m", "memory": "512Mi"}, "defaultRequest": {"cpu": "10m", "memory": "32Mi"}}
"""Defaults for containers without requests; a ResourceQuota rejects Pods that set none."""


@dataclass(frozen=True, kw_only=True)
class StudentArgs:
    """Arguments of a student's namespaces.

    The limits apply to each namespace. Members of the Entra group, given by object id, are admitted as well.
    """

    id: str
    classroom: str
    cpu: int
    memory: str
    pods: int
    group: str

    @classmethod
    def from_settings(cls, settings: Settings) -> StudentArgs:
        """Return the arguments that the settings ask for."""
        student, shared = settings.student, settings.shared
        return cls(
            id=student.id,
            classroom=student.classroom,
            cpu=shared.cpu,
            memory=shared.memory,
            pods=shared.pods,
            group=student.group,
        )


class Student(pulumi.ComponentResource):
    """The handout's namespaces `default`, `tutorial` and `shop`, prefixed with the student's id."""

    default: NamespaceRef
    tutorial: NamespaceRef
    shop: NamespaceRef

    def __init__(self, name: str, args: StudentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Student", name, None, opts)
        self._args = args
        self.default, self.tutorial, self.shop = self.namespaces = [self._namespace(key) for key in COURSE]
        access = StudentAccessArgs(namespaces=self.namespaces, group=args.group)
        StudentAccess("access", access, ResourceOptions(parent=self))
        self.register_outputs({})

    def _namespace(self, key: str) -> NamespaceRef:
        """Make a namespace with the guardrails that must exist before the first Pod."""
        name, student = namespace(self._args.id, key), self._args.id
        labels = {STUDENT_LABEL: student, CLASS_LABEL: self._args.classroom}
        injection = {"istio-injection": "enabled"} if key in _INJECTED else {}
        made = k8s.core.v1.Namespace(
            key, metadata={"name": name, "labels": {**labels, **injection}}, opts=ResourceOptions(parent=self)
        )
        child_opts = ResourceOptions(parent=self, depends_on=[made])
        metadata = {"name": "student", "namespace": name}
        limits = {"limits": [{"type": "Container", **_DEFAULTS}]}
        guardrails: list[pulumi.Resource] = [
            k8s.core.v1.ResourceQuota(key, metadata=metadata, spec={"hard": quota(self._args)}, opts=child_opts),
            k8s.core.v1.LimitRange(key, metadata=metadata, spec=limits, opts=child_opts),
            k8s.networking.v1.NetworkPolicy(key, metadata=metadata, spec=from_own(student), opts=child_opts),
        ]
        if key in _INJECTED:
            guardrails.append(
                k8s.apiextensions.CustomResource(
                    f"sidecar-{key}",
                    api_version="networking.istio.io/v1",
                    kind="Sidecar",
                    metadata={**metadata, "name": "default"},
                    spec=own_mesh(student),
                    opts=child_opts,
                )
            )
        return NamespaceRef(key=key, name=name, depends_on=[made, *guardrails])


def quota(args: StudentArgs) -> Mapping[str, str]:
    """Return the quota of each namespace."""
    return {"requests.cpu": str(args.cpu), "requests.memory": args.memory, "pods": str(args.pods), **_FORBIDDEN}


def from_own(student: str) -> dict[str, Any]:
    """Return a NetworkPolicy that admits requests from the student's own and the platform's namespaces only."""
    platform = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in _PLATFORM]
    own = {"namespaceSelector": {"matchLabels": {STUDENT_LABEL: student}}}
    return {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [own, *platform]}]}


def own_mesh(student: str) -> dict[str, Any]:
    """Return a Sidecar that hides other students' rules, which could redirect requests, from the proxies."""
    own = [f"{namespace(student, key)}/*" for key in COURSE]
    return {"egress": [{"hosts": [*own, *(f"{name}/*" for name in _PLATFORM)]}]}
