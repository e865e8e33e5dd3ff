"""Objects of the mesh."""

from __future__ import annotations

from tests.engine.attempts.tried import TUTORIAL, Object, Refused, made

_NETWORKING, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
_HOSTS = "a VirtualService is for Services in the student's own namespaces"
_TO = "sends requests, and copies of them, to Services in the student's own namespaces"
_GATEWAYS = "uses gateways of the student's own namespaces"
_DESTINATION = "a DestinationRule is for a Service in the student's own namespaces"
_FILES = "names no files, certificates or credentials"
_EXPORT = "exportTo names the student's own namespaces"
_OUTSIDE = "hosts of a ServiceEntry are outside the cluster"
_CAPTURE = "captures no addresses"
_KEYS = "istiod fetches none"
_TARGET = "no targetRef"


def virtual(**spec: object) -> Object:
    return made("VirtualService", _NETWORKING, {"hosts": ["reviews"], **spec}, namespace=TUTORIAL)


def to(host: str) -> Object:
    return {"destination": {"host": host}}


def http(*routes: Object, **spec: object) -> Object:
    return virtual(http=list(routes), **spec)


def own(**more: object) -> Object:
    """A route to a Service of the student, and more."""
    return {"route": [to("reviews")], **more}


def rule(host: str = "reviews", **spec: object) -> Object:
    return made("DestinationRule", _NETWORKING, {"host": host, **spec}, namespace=TUTORIAL)


def tls(**fields: str) -> Object:
    return {"tls": {"mode": "SIMPLE", **fields}}


def entry(host: str = "api.example.com", **spec: object) -> Object:
    ports = [{"number": 443, "name": "tls", "protocol": "TLS"}]
    return made(
        "ServiceEntry", _NETWORKING, {"hosts": [host], "ports": ports, "resolution": "DNS", **spec}, namespace=TUTORIAL
    )


def jwt(**fields: str) -> Object:
    return made("RequestAuthentication", _SECURITY, {"jwtRules": [{"issuer": "https://example.com", **fields}]})


_KIALI = "kiali.istio-system.svc.cluster.local"
_BEN = "order.ben-shop.svc.cluster.local"
_ALL = [{"gateways": ["bookinfo-gateway"], "hosts": ["*"]}]

REFUSED = [
    Refused("requests to Kiali", http({"route": [to(_KIALI)]}, hosts=["*"], gateways=["bookinfo-gateway"]), _TO),
    Refused("requests to Kiali by its short name", http({"route": [to("kiali.istio-system")]}), _TO),
    Refused("requests to another student", http({"route": [to("reviews"), to(_BEN)]}), _TO),
    Refused("requests to a host outside", http({"route": [to("api.example.com")]}), _TO),
    Refused("requests to an address", http({"route": [to("169.254.169.254")]}), _TO),
    Refused("requests to loopback", http({"route": [to("localhost.")]}), _TO),
    Refused("a name with a dot at the end", http({"route": [to("order.anna-shop.svc.cluster.local.")]}), _TO),
    Refused("copies to Prometheus", http(own(mirror={"host": "prometheus.istio-system"})), _TO),
    Refused("copies to another student", http(own(mirrors=[to("reviews"), to(_BEN)])), _TO),
    Refused("TCP to etcd", virtual(tcp=[{"route": [to("etcd.kube-system.svc.cluster.local")]}]), _TO),
    Refused(
        "TLS to another student",
        virtual(tls=[{"match": [{"port": 443, "sniHosts": ["reviews"]}], "route": [to(_BEN)]}]),
        _TO,
    ),
    Refused("requests for another student's order", http(own(), hosts=[_BEN]), _HOSTS),
    Refused("requests for Prometheus", http(own(), hosts=["prometheus.istio-system.svc.cluster.local"]), _HOSTS),
    Refused("requests for everything in the mesh", http(own(), hosts=["*"]), _HOSTS),
    Refused(
        "requests for everything, the mesh included",
        http(own(), hosts=["*"], gateways=["bookinfo-gateway", "mesh"]),
        _HOSTS,
    ),
    Refused("requests for all of a domain", http(own(), hosts=["*.cluster.local"]), _HOSTS),
    Refused("requests for a host outside", http(own(), hosts=["api.example.com"]), _HOSTS),
    Refused(
        "another student's address", http(own(), hosts=["ben.lab.internal"], gateways=["bookinfo-gateway"]), _HOSTS
    ),
    Refused("the platform's gateway", http(own(), gateways=["istio-system/any"]), _GATEWAYS),
    Refused("another student's gateway", http(own(), gateways=["ben-tutorial/bookinfo-gateway"]), _GATEWAYS),
    Refused("a gateway by its old name", http(own(), gateways=["any.istio-system.svc.cluster.local"]), _GATEWAYS),
    Refused(
        "another student's gateway in a match",
        http(own(match=[{"gateways": ["ben-tutorial/bookinfo-gateway"]}])),
        _GATEWAYS,
    ),
    Refused(
        "the platform's gateway in a match of TCP",
        virtual(tcp=[{"match": [{"gateways": ["istio-system/any"]}], **own()}]),
        _GATEWAYS,
    ),
    Refused(
        "routes of another student",
        http({"delegate": {"name": "order", "namespace": "ben-shop"}}, gateways=["bookinfo-gateway"]),
        "delegates to the student's own namespaces",
    ),
    Refused(
        "addresses of others",
        virtual(tcp=[{"match": [{"destinationSubnets": ["10.96.0.0/12"]}], **own()}]),
        "no destinationSubnets",
    ),
    Refused("a route for another student", http(own(), exportTo=["ben-shop"]), _EXPORT),
    Refused("a route for the platform", http(own(), exportTo=[".", "istio-system"]), _EXPORT),
    Refused("a route for everybody, by word", http(own(), exportTo=["*"]), _EXPORT),
    Refused("a rule for another student's order", rule(_BEN), _DESTINATION),
    Refused("a rule for Kiali", rule(_KIALI), _DESTINATION),
    Refused("a rule for istiod", rule("istiod.istio-system.svc"), _DESTINATION),
    Refused("a rule for everything", rule("*.local"), _DESTINATION),
    Refused("a rule for an address", rule("169.254.169.254"), _DESTINATION),
    Refused("a rule for another namespace", rule(exportTo=["ben-shop"]), _EXPORT),
    Refused("a file of the gateway", rule(trafficPolicy=tls(caCertificates="/etc/passwd")), _FILES),
    Refused("a key of the gateway", rule(trafficPolicy=tls(privateKey="/etc/certs/key.pem")), _FILES),
    Refused("a certificate of the gateway", rule(trafficPolicy=tls(clientCertificate="/etc/certs/a.pem")), _FILES),
    Refused("a Secret of the gateway", rule(trafficPolicy=tls(credentialName="bookinfo-credential")), _FILES),
    Refused("a list of the gateway", rule(trafficPolicy=tls(caCrl="/etc/certs/a.crl")), _FILES),
    Refused(
        "a file for a port",
        rule(trafficPolicy={"portLevelSettings": [{"port": {"number": 80}, **tls(caCertificates="/etc/passwd")}]}),
        _FILES,
    ),
    Refused(
        "a Secret for a subset",
        rule(subsets=[{"name": "v1", "trafficPolicy": tls(credentialName="bookinfo-credential")}]),
        _FILES,
    ),
    Refused(
        "a tunnel", rule(trafficPolicy={"tunnel": {"targetHost": "169.254.169.254", "targetPort": 80}}), "no tunnel"
    ),
    Refused("an entry for another student's order", entry(_BEN), _OUTSIDE),
    Refused("an entry for another student by the short name", entry("order.ben-shop"), _OUTSIDE),
    Refused("an entry for Kiali", entry("kiali.istio-system"), _OUTSIDE),
    Refused("an entry for a name without a dot", entry("order"), _OUTSIDE),
    Refused("an entry for an address", entry("169.254.169.254"), _OUTSIDE),
    Refused("an entry for the node's metadata", entry("metadata.google.internal"), _OUTSIDE),
    Refused("an entry for another student's address", entry("ben.lab.internal"), _OUTSIDE),
    Refused("an entry for everything", entry("*.com", resolution="NONE"), _OUTSIDE),
    Refused("an entry for loopback", entry("any.localhost"), _OUTSIDE),
    Refused("the addresses of others", entry(addresses=["10.96.0.0/12"], resolution="NONE"), _CAPTURE),
    Refused("an endpoint on the node", entry(endpoints=[{"address": "169.254.169.254"}]), _CAPTURE),
    Refused("an endpoint on loopback", entry(resolution="STATIC", endpoints=[{"address": "127.0.0.1"}]), _CAPTURE),
    Refused("an entry for Pods", entry(workloadSelector={"labels": {"app": "order"}}), _CAPTURE),
    Refused("an entry for another namespace", entry(exportTo=["*"]), _EXPORT),
    Refused("keys from loopback", jwt(jwksUri="http://127.0.0.1:2379/"), _KEYS),
    Refused("keys from the node's metadata", jwt(jwksUri="http://169.254.169.254/"), _KEYS),
    Refused("keys from the issuer", jwt(issuer="http://127.0.0.1:2379"), _KEYS),
    Refused("keys by the other name", jwt(jwks_uri="http://127.0.0.1:2379/"), _KEYS),
    Refused(
        "somebody else decides",
        made("AuthorizationPolicy", _SECURITY, {"action": "CUSTOM", "provider": {"name": "any"}, "rules": [{}]}),
        "no action CUSTOM",
    ),
    *(
        Refused(
            f"{kind} of another namespace",
            made(kind, version, {**spec, "targetRefs": [{"kind": "Service", "group": "", "name": "order"}]}),
            _TARGET,
        )
        for kind, version, spec in (
            ("AuthorizationPolicy", _SECURITY, {"action": "ALLOW"}),
            ("RequestAuthentication", _SECURITY, {"jwtRules": []}),
            ("Telemetry", "telemetry.istio.io/v1", {"tracing": []}),
        )
    ),
    *(
        Refused(
            f"{part} to somebody else",
            made("Telemetry", "telemetry.istio.io/v1", {part: [{"providers": [{"name": "mine"}]}]}),
            "telemetry goes to the providers",
        )
        for part in ("accessLogging", "metrics", "tracing")
    ),
]
