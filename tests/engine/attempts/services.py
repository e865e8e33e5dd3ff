"""Services, Secrets, accounts and claims."""

from __future__ import annotations

from tests.engine.attempts.tried import Object, Refused, made

_PORTS = [{"port": 80}]
_TYPES = "of type ClusterIP or ExternalName"
_OWN = "externalName is a Service in the student's own namespaces"
_OUTSIDE = "asks for something outside the cluster"
_ENDLESS = "holds no token of an account"
_CLOUD = "no identities of the cloud"


def service(**spec: object) -> Object:
    return made("Service", "v1", {"selector": {"app": "tried"}, "ports": _PORTS, **spec})


def named(name: str) -> Object:
    return made("Service", "v1", {"type": "ExternalName", "externalName": name})


def secret(kind: str, **annotations: str) -> Object:
    metadata = {"name": "tried", "namespace": "anna-default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind}


def account(**annotations: str) -> Object:
    metadata = {"name": "tried", "namespace": "anna-shop", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def claim(size: str = "1Gi", **spec: object) -> Object:
    requested = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return made("PersistentVolumeClaim", "v1", {**requested, **spec})


_OF_THE_STUDENT = {"kubernetes.io/service-account.name": "student"}

REFUSED = [
    Refused("an address outside", service(externalIPs=["203.0.113.7"]), "no externalIPs"),
    Refused("the API server's address", service(externalIPs=["10.96.0.1"]), "no externalIPs"),
    Refused("a load balancer", service(type="LoadBalancer"), _TYPES),
    Refused("a load balancer without ports", service(type="LoadBalancer", allocateLoadBalancerNodePorts=False), _TYPES),
    Refused("a port of every node", service(type="NodePort"), _TYPES),
    Refused("Kiali by another name", named("kiali.istio-system.svc.cluster.local"), _OWN),
    Refused("another student's order", named("order.ben-shop.svc.cluster.local"), _OWN),
    Refused("the API server by another name", named("kubernetes.default.svc.cluster.local"), _OWN),
    Refused("the node's metadata by name", named("metadata.google.internal"), _OWN),
    Refused("a name of one's own that leads to loopback", named("localtest.me"), _OWN),
    Refused("loopback", named("localhost.localdomain"), _OWN),
    Refused("a namespace that begins like one's own", named("order.anna-shop2.svc.cluster.local"), _OWN),
    Refused(
        "a load balancer's subnet",
        made(
            "Service",
            "v1",
            {"ports": _PORTS},
            annotations={"service.beta.kubernetes.io/azure-load-balancer-internal": "true"},
        ),
        _OUTSIDE,
    ),
    Refused(
        "a name outside",
        made(
            "Service",
            "v1",
            {"ports": _PORTS},
            annotations={"external-dns.alpha.kubernetes.io/hostname": "lab.example.org"},
        ),
        _OUTSIDE,
    ),
    Refused(
        "another namespace's waypoint",
        made("Service", "v1", {"ports": _PORTS}, labels={"istio.io/use-waypoint-namespace": "ben-shop"}),
        "no waypoint",
    ),
    Refused("a token without an end", secret("kubernetes.io/service-account-token", **_OF_THE_STUDENT), _ENDLESS),
    Refused("a token for nodes that join", secret("bootstrap.kubernetes.io/token"), _ENDLESS),
    Refused("an identity of Azure", account(**{"azure.workload.identity/client-id": "a"}), _CLOUD),
    Refused("a tenant of Azure", account(**{"azure.workload.identity/tenant-id": "a"}), _CLOUD),
    Refused("more storage than the quota", claim("100Ti"), "maximum storage usage per PersistentVolumeClaim"),
    Refused("a volume of somebody else", claim(volumeName="pv-of-ben"), "get new volumes"),
]
