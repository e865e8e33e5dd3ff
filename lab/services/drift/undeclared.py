"""Objects that are not of the stack, in its namespaces, and change how it behaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.core.namespaces import ISTIO_SYSTEM
from lab.services.drift import effects, managers
from lab.services.drift.effects import ROUTES, WORKLOADS, Pods
from lab.services.drift.fields import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lab.services.drift.fields import Value
    from lab.services.drift.live import Key
    from lab.services.drift.state import Declared

_ISTIO, _SECURITY, _GATEWAY_API = "networking.istio.io", "security.istio.io", "gateway.networking.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

MESH: Sequence[tuple[str, str]] = (
    *((_ISTIO, kind) for kind in ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar")),
    *((_ISTIO, kind) for kind in ("EnvoyFilter", "ProxyConfig", "WorkloadEntry", "WorkloadGroup")),
    *((_SECURITY, kind) for kind in ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication")),
    ("telemetry.istio.io", "Telemetry"),
    ("extensions.istio.io", "WasmPlugin"),
    *((_GATEWAY_API, kind) for kind in ("Gateway", "HTTPRoute", "GRPCRoute", "TCPRoute")),
)
"""Group and kind of the mesh's rules."""

WATCHED: Sequence[tuple[str, str]] = (
    *MESH,
    *(("", kind) for kind in ("Service", "Pod", "LimitRange", "ResourceQuota", "ReplicationController")),
    *(("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet")),
    ("argoproj.io", "Rollout"),
    *(("networking.k8s.io", kind) for kind in ("NetworkPolicy", "Ingress")),
    ("autoscaling", "HorizontalPodAutoscaler"),
    *((_ADMISSION, kind) for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")),
)
"""Group and kind of what can change how a lab behaves."""

_NOT_THE_LABS = ("kube-system", "kube-public", "kube-node-lease")


@dataclass(frozen=True, kw_only=True)
class Undeclared:
    """An object beside the stack's own.

    Attributes:
        effect: how it changes the behaviour of the lab.
        hosts: full names of the Services whose requests it concerns; `*` for all.
        manager: who made it.
        time: of its creation.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    hosts: tuple[str, ...]
    manager: str
    time: str
    effect: str = ""

    @property
    def title(self) -> str:
        """Kind, namespace and name."""
        return f"{self.kind} {self.namespace}/{self.name}".replace(" /", " ")


def find(declared: Sequence[Declared], cluster: Mapping[Key, Value]) -> tuple[Undeclared, ...]:
    """The undeclared objects that concern the stack, in the order of namespaces, kinds and names."""
    spaces = namespaces(declared)
    own = _own(declared)
    objects: dict[Key, dict[str, Any]] = {key: each for key, each in cluster.items() if isinstance(each, dict)}
    services = tuple(each for key, each in objects.items() if key in own and key[1] == "Service")
    pods = tuple(
        Pods.of(each) for key, each in objects.items() if key in own and key[1] in WORKLOADS and key[2] in spaces
    )
    found = (
        replace(each, effect=effects.effect(content, services=services, pods=pods, root=ISTIO_SYSTEM))
        for each, content in others(declared, cluster)
        if each.namespace in spaces or not each.namespace or _leads_to(each, spaces)
    )
    return tuple(each for each in found if each.effect)


def others(declared: Iterable[Declared], cluster: Mapping[Key, Value]) -> Iterator[tuple[Undeclared, dict[str, Any]]]:
    """All objects that are neither of the stack nor made by a controller, in order, each with its content."""
    own = _own(declared)
    for key, each in sorted(cluster.items(), key=lambda item: (item[0][2], item[0][1], item[0][3])):
        if key not in own and isinstance(each, dict) and not _of_a_controller(each):
            yield _undeclared(each), each


def _own(declared: Iterable[Declared]) -> frozenset[Key]:
    return frozenset((each.group, each.kind, place, each.name) for each in declared for place in each.namespaces)


def namespaces(declared: Iterable[Declared]) -> frozenset[str]:
    """The namespaces of a stack: those it made, and those it has objects in."""
    made = {each.name if each.kind == "Namespace" else each.namespaces[0] for each in declared}
    return frozenset(made - {""} - set(_NOT_THE_LABS))


def _leads_to(each: Undeclared, spaces: frozenset[str]) -> bool:
    """Check that a rule of another namespace names a Service of the stack's namespaces in full."""
    places = {f"{space}.svc.cluster.local" for space in spaces - {each.namespace}}
    return each.kind in ROUTES and any(host.partition(".")[2] in places for host in each.hosts)


def _of_a_controller(each: dict[str, Any]) -> bool:
    metadata = each["metadata"]
    if metadata.get("ownerReferences"):
        return True
    makers = [entry.manager for entry in entries(each) if not entry.subresource]
    return bool(makers) and all(map(managers.made_by_a_controller, makers))


def _undeclared(each: dict[str, Any]) -> Undeclared:
    metadata = each["metadata"]
    makers = [entry.manager for entry in entries(each) if not entry.subresource]
    people = [manager for manager in makers if not managers.made_by_a_controller(manager)]
    return Undeclared(
        api_version=each["apiVersion"],
        kind=each["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        hosts=effects.hosts(each),
        manager=next(iter(people or makers), ""),
        time=metadata.get("creationTimestamp", ""),
    )
