"""What a student has of a cluster that a class shares: namespaces, what fits into them, and who may do what there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.namespaces import Place
from components.students.access import Access, AccessArgs
from lab.classroom.names import CLASS_LABEL, COURSE, STUDENT_LABEL, namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

_INJECTED = ("tutorial", "shop")
"""Where the notes switch sidecars on."""

_FOR_EVERYBODY = ("istio-system",)
"""Namespaces of the platform that ask students' Pods, and that these ask: gateways, Prometheus, Jaeger."""

_FREE_OF_CHARGE = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""Each would be an address and a rule on somebody's bill, or a hole in everybody's nodes."""

_SMALL = {"default": {"cpu": "500m", "memory": "512Mi"}, "defaultRequest": {"cpu": "10m", "memory": "32Mi"}}
"""For containers that say nothing, as the notes' do: a quota refuses what has no request."""


@dataclass(frozen=True, kw_only=True)
class StudentArgs:
    """Whose share it is.

    Attributes:
        id: of the student.
        classroom: name of the class.
        cpu: cores that the Pods of each namespace may ask for.
        memory: memory that they may ask for.
        pods: how many there may be in each namespace.
        group: object id of an Entra group whose members are let in as well; empty for none.
    """

    id: str
    classroom: str
    cpu: int
    memory: str
    pods: int
    group: str


class Student(pulumi.ComponentResource):
    """The namespaces of the notes, with the student's id before their names.

    Attributes:
        default: instead of `default`.
        tutorial: instead of `tutorial`.
        shop: instead of `shop`.
    """

    default: Place
    tutorial: Place
    shop: Place

    def __init__(self, name: str, args: StudentArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:student:Student", name, None, opts)
        self._args = args
        self.default, self.tutorial, self.shop = (self._place(key) for key in COURSE)
        Access(
            "access",
            AccessArgs(places=(self.default, self.tutorial, self.shop), group=args.group),
            ResourceOptions(parent=self),
        )
        self.register_outputs({})

    def _place(self, key: str) -> Place:
        """A namespace, with what has to be there before the first Pod."""
        labels = {STUDENT_LABEL: self._args.id, CLASS_LABEL: self._args.classroom}
        injection = {"istio-injection": "enabled"} if key in _INJECTED else {}
        made = k8s.core.v1.Namespace(
            key,
            metadata={"name": namespace(self._args.id, key), "labels": {**labels, **injection}},
            opts=ResourceOptions(parent=self),
        )
        inside = ResourceOptions(parent=self, depends_on=[made])
        metadata = {"name": "student", "namespace": namespace(self._args.id, key)}
        furniture: list[pulumi.Resource] = [
            k8s.core.v1.ResourceQuota(key, metadata=metadata, spec={"hard": quota(self._args)}, opts=inside),
            k8s.core.v1.LimitRange(
                key, metadata=metadata, spec={"limits": [{"type": "Container", **_SMALL}]}, opts=inside
            ),
            k8s.networking.v1.NetworkPolicy(key, metadata=metadata, spec=from_own(self._args.id), opts=inside),
        ]
        if key in _INJECTED:
            furniture.append(
                k8s.apiextensions.CustomResource(
                    f"sidecar-{key}",
                    api_version="networking.istio.io/v1",
                    kind="Sidecar",
                    metadata={**metadata, "name": "default"},
                    spec=own_mesh(self._args.id),
                    opts=inside,
                )
            )
        return Place(key=key, name=namespace(self._args.id, key), after=[made, *furniture])


def quota(args: StudentArgs) -> Mapping[str, str]:
    """What fits into each namespace of a student."""
    return {
        "requests.cpu": str(args.cpu),
        "requests.memory": args.memory,
        "pods": str(args.pods),
        **_FREE_OF_CHARGE,
    }


def from_own(student: str) -> dict[str, Any]:
    """Requests come from the student's own namespaces and from the platform's; other students' do not arrive.

    Args:
        student: id.
    """
    everybody = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in _FOR_EVERYBODY
    ]
    own = {"namespaceSelector": {"matchLabels": {STUDENT_LABEL: student}}}
    return {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [own, *everybody]}]}


def own_mesh(student: str) -> dict[str, Any]:
    """What the proxies of a student hear of: with another's rules a VirtualService could lead requests astray.

    Args:
        student: id.
    """
    own = [f"{namespace(student, key)}/*" for key in COURSE]
    return {"egress": [{"hosts": [*own, *(f"{name}/*" for name in _FOR_EVERYBODY)]}]}
