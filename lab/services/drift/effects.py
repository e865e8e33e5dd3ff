"""Effects of Kubernetes objects on a lab: which requests, Pods or objects each one concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROUTES = ("VirtualService", "DestinationRule", "ServiceEntry", "HTTPRoute", "GRPCRoute", "TCPRoute")
"""Kinds that concern the requests to hosts, which they name."""

PROXIES = (
    *("Sidecar", "EnvoyFilter", "ProxyConfig", "AuthorizationPolicy", "PeerAuthentication"),
    *("RequestAuthentication", "Telemetry", "WasmPlugin"),
)
"""Kinds that concern the proxies of Pods, which they select."""

RULES = (*ROUTES, *PROXIES, "Gateway", "WorkloadEntry", "WorkloadGroup")
"""Kinds of the mesh's rules."""

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicationController", "Rollout", "Pod")
"""Kinds with Pods."""

_PROXIES = {
    "Sidecar": "limits which hosts {} can reach",
    "EnvoyFilter": "changes the Envoy configuration of {}",
    "ProxyConfig": "sets proxy options of {}",
    "PeerAuthentication": "sets which connections (mTLS or plain text) {} takes",
    "RequestAuthentication": "checks the tokens of requests to {}",
    "Telemetry": "changes the metrics, traces or access logs of {}",
    "WasmPlugin": "runs a plugin in the proxies of {}",
}
_OTHERS = {
    "VirtualService": "routes requests to {hosts}{through}",
    **dict.fromkeys(("HTTPRoute", "GRPCRoute", "TCPRoute"), "routes requests to {hosts}"),
    "DestinationRule": "sets subsets, balancing, limits or TLS of requests to {hosts}",
    "ServiceEntry": "makes {hosts} known to the mesh",
    "Gateway": "opens ports of gateways for hosts",
    **dict.fromkeys(("WorkloadEntry", "WorkloadGroup"), "adds addresses to Services of the mesh"),
    "Ingress": "leads requests from outside to Services",
    "NetworkPolicy": "limits the connections of {pods}",
    "HorizontalPodAutoscaler": "sets how many Pods {target} has",
    "LimitRange": "sets default and greatest requests of new Pods in {namespace}",
    "ResourceQuota": "limits what can be created in {namespace}",
    "MutatingWebhookConfiguration": "changes new and changed {hooked}",
    "ValidatingWebhookConfiguration": "may refuse new and changed {hooked}",
}
_ACTIONS = {"DENY": "denies", "AUDIT": "audits", "CUSTOM": "lets an external service decide on"}
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The Pods of a workload: their labels and whose they are."""

    title: str
    namespace: str
    labels: Mapping[str, str]

    @classmethod
    def of(cls, workload: dict[str, Any]) -> Self:
        """The Pods of a workload, or a Pod."""
        metadata, spec = workload["metadata"], workload.get("spec") or {}
        pod = workload if workload["kind"] == "Pod" else spec.get("template") or {}
        return cls(
            title=f"{workload['kind']} {metadata['name']}",
            namespace=metadata.get("namespace", ""),
            labels=(pod.get("metadata") or {}).get("labels") or {},
        )

    def match(self, service: dict[str, Any]) -> bool:
        """Check that a Service selects them."""
        selector = (service.get("spec") or {}).get("selector") or {}
        return (
            bool(selector)
            and service["metadata"].get("namespace", "") == self.namespace
            and selector.items() <= self.labels.items()
        )


def effect(each: dict[str, Any], *, services: Sequence[dict[str, Any]], pods: Sequence[Pods], root: str) -> str:
    """Describe the effect of an object on a lab; empty if it has none.

    Args:
        each: the object.
        services: the lab's Services.
        pods: of the lab's workloads.
        root: the namespace whose rules concern the whole mesh.
    """
    kind, spec = each["kind"], each.get("spec") or {}
    if kind in WORKLOADS:
        own = Pods.of(each)
        names = [service["metadata"]["name"] for service in services if own.match(service)]
        return f"its Pods get requests of the Service {_listed(names)}" if names else ""
    if kind == "Service":
        names = [workload.title for workload in pods if workload.match(each)]
        return f"another name and port for the Pods of {_listed(names)}" if names else ""
    if kind in _PROXIES:
        return _PROXIES[kind].format(_selected(each, root))
    if kind == "AuthorizationPolicy":
        return f"{_ACTIONS.get(spec.get('action', ''), 'allows only some')} requests to {_selected(each, root)}"
    return _OTHERS[kind].format_map(_Parts(each)) if kind in _OTHERS else ""


def hosts(each: dict[str, Any]) -> tuple[str, ...]:
    """Hosts whose requests a rule concerns, in full where it names Services; `*` for those of all."""
    spec = each.get("spec") or {}
    named: Iterable[str]
    match each["kind"]:
        case "VirtualService" | "ServiceEntry":
            named = spec.get("hosts") or ()
        case "DestinationRule":
            named = [spec.get("host", "")]
        case "HTTPRoute" | "GRPCRoute" | "TCPRoute":
            parents = [(parent.get("kind"), parent) for parent in spec.get("parentRefs") or ()]
            named = [
                ".".join(filter(None, (parent["name"], parent.get("namespace", ""))))
                for kind, parent in parents
                if kind == "Service"
            ] or (spec.get("hostnames") or ("*",))
        case _:
            named = ("*",)
    return tuple(full(host, each["metadata"].get("namespace", "")) for host in named if host)


def in_mesh(route: dict[str, Any]) -> bool:
    """Check that a rule concerns requests between Pods, not only those that come through a gateway."""
    through = (route.get("spec") or {}).get("gateways") or ["mesh"]
    parents = (route.get("spec") or {}).get("parentRefs") or [{"kind": "Service"}]
    return "mesh" in through and any(parent.get("kind") == "Service" for parent in parents)


def full(host: str, namespace: str) -> str:
    """A host as the mesh completes it: `reviews` and `reviews.tutorial` are Services."""
    name, _, rest = host.partition(".")
    if not name or "*" in host:
        return host
    if not rest:
        return f"{name}.{namespace}.svc.cluster.local"
    if rest.count(".") == 1 and rest.endswith(".svc"):
        return f"{host}.cluster.local"
    return host


class _Parts(dict[str, str]):
    """The parts of an object that the sentences about its kind name."""

    def __init__(self, each: dict[str, Any]) -> None:
        spec, namespace = each.get("spec") or {}, each["metadata"].get("namespace", "")
        target = spec.get("scaleTargetRef") or {}
        through = [name for name in spec.get("gateways") or () if name != "mesh"]
        super().__init__(
            hosts=_listed(hosts(each)),
            through=f" at the gateway {_listed(through)}" if through else "",
            namespace=namespace,
            pods=_chosen(spec.get("podSelector") or {}, namespace),
            target=f"{target.get('kind', '')} {target.get('name', '')}",
            hooked=_listed(dict.fromkeys(_hooked(each))),
        )


def _hooked(each: dict[str, Any]) -> Iterator[str]:
    for hook in each.get("webhooks") or ():
        for rule in hook.get("rules") or ():
            yield from rule.get("resources") or ()


def _selected(each: dict[str, Any], root: str) -> str:
    spec, namespace = each.get("spec") or {}, each["metadata"].get("namespace", "")
    selector = spec.get("selector") or spec.get("workloadSelector") or {}
    references = [*(spec.get("targetRefs") or ()), *([spec["targetRef"]] if spec.get("targetRef") else ())]
    if references:
        return _listed([f"{reference.get('kind', '')} {reference.get('name', '')}" for reference in references])
    labels = selector.get("matchLabels") or selector.get("labels") or {}
    if not labels and namespace == root:
        return "every Pod of the mesh"
    return _chosen({"matchLabels": labels}, namespace)


def _chosen(selector: Mapping[str, Any], namespace: str) -> str:
    labels = selector.get("matchLabels") or {}
    written = ", ".join(f"{key}={value}" for key, value in labels.items())
    if selector.get("matchExpressions"):
        written = ", ".join(filter(None, [written, "more conditions"]))
    return f"the Pods of {namespace} with {written}" if written else f"every Pod of {namespace}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
