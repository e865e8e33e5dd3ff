"""Changes of what stands, and requests on parts of objects."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.engine.attempts.mesh import http, own, rule
from tests.engine.attempts.rollouts import rollout
from tests.engine.attempts.services import service
from tests.engine.attempts.tried import HOME, SHOP, TUTORIAL, Object, container, pod


@dataclass(frozen=True)
class Change:
    """A request of a student on a path, and words of the message that refuses it; empty if it is granted."""

    name: str
    path: str
    body: Object = field(default_factory=dict)
    words: str = ""
    method: str = "PATCH"


STANDING: list[Object] = [
    {**each, "metadata": {**each["metadata"], "name": "standing"}}
    for each in (pod(), service(), rollout(), http(own()), rule())
]
"""What a student has, to be changed."""

_CORE, _SHOP = f"/api/v1/namespaces/{SHOP}", f"/apis/argoproj.io/v1alpha1/namespaces/{SHOP}"
_POD, _SERVICE, _ROLLOUT = f"{_CORE}/pods/standing", f"{_CORE}/services/standing", f"{_SHOP}/rollouts/standing"
_MESH = f"/apis/networking.istio.io/v1/namespaces/{TUTORIAL}"
_ROUTE, _RULE = f"{_MESH}/virtualservices/standing", f"{_MESH}/destinationrules/standing"
_OLD_ROUTE = f"/apis/networking.istio.io/v1alpha3/namespaces/{TUTORIAL}/virtualservices/standing"
_TOKEN = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 10**8}}
_KIALI = {"destination": {"host": "kiali.istio-system.svc.cluster.local"}}

REFUSED = [
    Change("a Service that becomes a load balancer", _SERVICE, {"spec": {"type": "LoadBalancer"}}, "costs money"),
    Change("a Service that gets an address", _SERVICE, {"spec": {"externalIPs": ["203.0.113.7"]}}, "no externalIPs"),
    Change(
        "a Service that becomes another name",
        _SERVICE,
        {"spec": {"type": "ExternalName", "externalName": "kiali.istio-system.svc.cluster.local"}},
        "externalName is a Service",
    ),
    Change(
        "a Pod that gets a gateway's label", _POD, {"metadata": {"labels": {"istio": "egressgateway"}}}, "no gateways"
    ),
    Change("a Pod that nobody can delete", _POD, {"metadata": {"finalizers": ["example.org/mine"]}}, "a finalizer is"),
    Change(
        "a Service that nobody can delete",
        _SERVICE,
        {"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}},
        "a finalizer is",
    ),
    Change(
        "a Rollout that turns to another student",
        _ROLLOUT,
        {
            "spec": {
                "strategy": {"canary": {"trafficRouting": {"istio": {"virtualService": {"name": "order.ben-shop"}}}}}
            }
        },
        "VirtualServices of its own namespace",
    ),
    Change(
        "a Rollout that gets the node's network",
        _ROLLOUT,
        {"spec": {"template": {"spec": {"hostNetwork": True}}}},
        "node's",
    ),
    Change("a route that turns to Kiali", _ROUTE, {"spec": {"http": [{"route": [_KIALI]}]}}, "sends requests"),
    Change(
        "a route of an old version that turns to Kiali",
        _OLD_ROUTE,
        {"spec": {"http": [{"route": [_KIALI]}]}},
        "sends requests",
    ),
    Change(
        "a rule that turns to Kiali", _RULE, {"spec": {"host": _KIALI["destination"]["host"]}}, "a DestinationRule is"
    ),
    Change(
        "a token for long", f"/api/v1/namespaces/{HOME}/serviceaccounts/student/token", _TOKEN, "cannot create", "POST"
    ),
    Change(
        "a container in a Pod that runs",
        f"{_POD}/ephemeralcontainers",
        {"spec": {"ephemeralContainers": [container(name="debug")]}},
        "cannot patch",
    ),
    Change("an address for a Pod", f"{_POD}/status", {"status": {"podIP": "10.0.0.1"}}, "cannot patch"),
    Change("a Pod on a node", f"{_POD}/binding", {"target": {"name": "lab-node-0"}}, "cannot create", "POST"),
    Change("a request through the API server", f"{_POD}/proxy/", {}, "cannot get", "GET"),
    Change("a request to a Service through the API server", f"{_SERVICE}/proxy/", {}, "cannot get", "GET"),
    Change("a request to a node", "/api/v1/nodes/lab-node-0/proxy/", {}, "cannot get", "GET"),
    Change("addresses of a Service", f"{_CORE}/endpoints/standing", {"subsets": []}, "cannot patch"),
    Change("a larger quota", f"{_CORE}/resourcequotas/student", {"spec": {"hard": {"pods": "999"}}}, "cannot patch"),
    Change("larger limits", f"{_CORE}/limitranges/student", {"spec": {"limits": []}}, "cannot patch"),
    Change(
        "an open NetworkPolicy",
        f"/apis/networking.k8s.io/v1/namespaces/{SHOP}/networkpolicies/student",
        {"spec": {"ingress": [{}]}},
        "cannot patch",
    ),
    Change("a wider Sidecar", f"{_MESH}/sidecars/default", {"spec": {"egress": [{"hosts": ["*/*"]}]}}, "cannot patch"),
    Change(
        "a namespace of nobody",
        f"/api/v1/namespaces/{SHOP}",
        {"metadata": {"labels": {"istio-lab/student": None}}},
        "cannot patch",
    ),
    Change(
        "no policies",
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/istio-lab-students",
        {"spec": {"failurePolicy": "Ignore"}},
        "cannot patch",
    ),
    Change(
        "other rights",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/istio-lab-student",
        {"rules": []},
        "cannot patch",
    ),
    Change("another student's Secrets", "/api/v1/namespaces/ben-shop/secrets", {}, "cannot list", "GET"),
    Change("the platform's Secrets", "/api/v1/namespaces/istio-system/secrets", {}, "cannot list", "GET"),
    Change("everybody's Pods", "/api/v1/pods", {}, "cannot list", "GET"),
]

GRANTED = [
    Change(
        "another image",
        _ROLLOUT,
        {"spec": {"template": {"spec": {"containers": [container(image="jinyoung/app:blue")]}}}},
    ),
    Change("a promotion", f"{_ROLLOUT}/status", {"status": {"promoteFull": True, "pauseConditions": None}}),
    Change("an abort", f"{_ROLLOUT}/status", {"status": {"abort": True}}),
    Change("a restart", _ROLLOUT, {"spec": {"restartAt": "2026-11-28T00:00:00Z"}}),
    Change("more replicas", f"{_ROLLOUT}/scale", {"spec": {"replicas": 3}}),
    Change("other weights", _ROUTE, {"spec": {"http": [{"route": [{**own()["route"][0], "weight": 100}]}]}}),
    Change("another port", _SERVICE, {"spec": {"ports": [{"port": 8080}]}}),
    Change("a label", _POD, {"metadata": {"labels": {"version": "v2"}}}),
    Change("a Pod less", _POD, {}, method="DELETE"),
]
