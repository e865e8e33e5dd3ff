"""A student's namespaces on a shared cluster, with quota, limits, network policy and Sidecar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.namespaces import NamespaceRef
from components.common.network import outside_metadata
from components.students import quotas
from components.students.access import StudentAccess, StudentAccessArgs
from lab.core.namespaces import ISTIO_SYSTEM
from lab.settings.students import CLASS_LABEL, COURSE, STUDENT_LABEL, namespace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.settings import Settings

_INJECTED = ("tutorial", "shop")
"""Namespaces of the handout with sidecar injection."""

_PLATFORM = (ISTIO_SYSTEM,)
"""Namespaces that students' Pods send requests to and get them from: gateways, Prometheus, Jaeger."""


@dataclass(frozen=True, kw_only=True)
class StudentArgs:
    """Arguments of a student's namespaces.

    The limits apply to each namespace, `storage` to its claims. Members of the Entra group, given by object id, are
    admitted as well.
    """

    id: str
    classroom: str
    cpu: int
    memory: str
    pods: int
    storage: str
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
            storage=shared.storage,
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
        wanted = self._args
        hard = quotas.hard(cpu=wanted.cpu, memory=wanted.memory, pods=wanted.pods, storage=wanted.storage)
        limits = {"limits": quotas.limits(storage=wanted.storage)}
        guardrails: list[pulumi.Resource] = [
            k8s.core.v1.ResourceQuota(key, metadata=metadata, spec={"hard": hard}, opts=child_opts),
            k8s.core.v1.ResourceQuota(
                f"priorities-{key}",
                metadata={**metadata, "name": "student-priorities"},
                spec=quotas.priorities(),
                opts=child_opts,
            ),
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


@dataclass(frozen=True, kw_only=True)
class StudentObjectCountsArgs:
    """The student's namespaces, and what has to be there before."""

    namespaces: Sequence[NamespaceRef]
    depends_on: Sequence[pulumi.Resource]


class StudentObjectCounts(pulumi.ComponentResource):
    """Quotas of custom objects.

    They come last: for half a minute after a definition is made, the controller-manager cannot count its objects, and a
    quota that is not counted refuses them.
    """

    def __init__(self, name: str, args: StudentObjectCountsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:ObjectCounts", name, None, opts)
        for namespace_ref in args.namespaces:
            k8s.core.v1.ResourceQuota(
                f"objects-{namespace_ref.key}",
                metadata={"name": "student-objects", "namespace": namespace_ref.name},
                spec={"hard": quotas.custom_objects()},
                opts=ResourceOptions(parent=self, depends_on=list(args.depends_on)),
            )
        self.register_outputs({})


def from_own(student: str) -> dict[str, Any]:
    """Return a NetworkPolicy between the student's own and the platform's namespaces, and to the Internet.

    The addresses at which a cloud tells its machines who they are stay out of reach.
    """
    platform = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in _PLATFORM]
    own = {"namespaceSelector": {"matchLabels": {STUDENT_LABEL: student}}}
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [own, *platform]}],
        "egress": outside_metadata(),
    }


def own_mesh(student: str) -> dict[str, Any]:
    """Return a Sidecar that hides other students' rules, which could redirect requests, from the proxies."""
    own = [f"{namespace(student, key)}/*" for key in COURSE]
    return {"egress": [{"hosts": [*own, *(f"{name}/*" for name in _PLATFORM)]}]}
