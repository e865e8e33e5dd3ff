"""Policy for objects of the mesh: none selects, captures or routes beyond the student's namespaces and hosts."""

from __future__ import annotations

from components.mesh.values import JAEGER
from components.students.policies import hosts
from components.students.policies.policy import Policy, Resources, Rules, literals

_PROVIDERS = (JAEGER, "envoy", "prometheus")
"""Of telemetry: those that the mesh has."""

_FILES = ("clientCertificate", "privateKey", "caCertificates", "caCrl", "credentialName")
"""Of a DestinationRule's TLS; the gateway would read its own files and Secrets of its own namespace."""

_SPEC = "dyn(object).spec"
_HTTP = f"{_SPEC}.?http.orValue([])"
_OTHERS = f"({_SPEC}.?tcp.orValue([]) + {_SPEC}.?tls.orValue([]))"


def policy() -> Policy:
    """Return the policy."""
    return Policy(
        key="mesh",
        resources=(
            Resources(group="networking.istio.io", names=("virtualservices", "destinationrules", "serviceentries")),
            Resources(group="security.istio.io", names=("authorizationpolicies", "requestauthentications")),
            Resources(group="telemetry.istio.io", names=("telemetries",)),
        ),
        variables={**hosts.VARIABLES, "matches": _MATCHES, "policies": _POLICIES},
        rules={
            **_everywhere(),
            **_of("VirtualService", _virtual_service()),
            **_of("DestinationRule", _destination_rule()),
            **_of("ServiceEntry", _service_entry()),
            **_of("AuthorizationPolicy", _authorization_policy()),
            **_of("RequestAuthentication", _request_authentication()),
            **_of("Telemetry", _telemetry()),
        },
    )


def _of(kind: str, rules: Rules) -> Rules:
    return {message: f"dyn(object).kind != '{kind}' || ({rule})" for message, rule in rules.items()}


def _everywhere() -> Rules:
    return {
        "exportTo names the student's own namespaces, or none": hosts.exported(f"{_SPEC}.?exportTo.orValue([])"),
        "a student's rules apply to Pods, by labels: no targetRef": (
            f"!{_SPEC}.?targetRef.hasValue() && {_SPEC}.?targetRefs.orValue([]).size() == 0"
        ),
    }


def _virtual_service() -> Rules:
    named, no_mesh = f"{_SPEC}.?hosts.orValue([])", _gateways("gateway != 'mesh'")
    return {
        "a VirtualService uses gateways of the student's own namespaces, or mesh": _gateways(
            "gateway == 'mesh' || gateway.matches(variables.gateway)"
        ),
        "a VirtualService is for Services in the student's own namespaces, for the student's own address, or for all "
        "that comes through the student's own Gateway": (
            f"{named}.all(host, {hosts.own('host')} || host == variables.address || "
            f"(host == '*' && {_SPEC}.?gateways.orValue([]).size() > 0 && {no_mesh}))"
        ),
        "a VirtualService sends requests, and copies of them, to Services in the student's own namespaces": (
            f"({_HTTP} + {_OTHERS}).all(route, "
            f"route.?route.orValue([]).all(each, {hosts.own('each.?destination.?host.orValue(_)')}) && "
            f"route.?mirrors.orValue([]).all(each, {hosts.own('each.?destination.?host.orValue(_)')}) && "
            f"(!route.?mirror.hasValue() || {hosts.own('route.mirror.?host.orValue(_)')}))"
        ).replace("(_)", "('')"),
        "a VirtualService delegates to the student's own namespaces": (
            f"{_HTTP}.all(route, route.?delegate.?namespace.orValue('') == '' || "
            "route.delegate.namespace in variables.namespaces)"
        ),
        "a VirtualService is for Services, not for addresses: no destinationSubnets": (
            "variables.matches.all(matches, matches.all(match, match.?destinationSubnets.orValue([]).size() == 0))"
        ),
    }


def _gateways(condition: str) -> str:
    """Require a condition of every `gateway` that a VirtualService names."""
    return (
        f"{_SPEC}.?gateways.orValue([]).all(gateway, {condition}) && variables.matches.all(matches, "
        f"matches.all(match, match.?gateways.orValue([]).all(gateway, {condition})))"
    )


_MATCHES = f"({_HTTP} + {_OTHERS}).map(route, route.?match.orValue([]))"

_POLICIES = (
    f"({_SPEC}.?trafficPolicy.hasValue() ? [{_SPEC}.trafficPolicy] : []) + "
    f"{_SPEC}.?subsets.orValue([]).filter(each, each.?trafficPolicy.hasValue()).map(each, each.trafficPolicy)"
)


def _destination_rule() -> Rules:
    files = " && ".join(f"tls.?{each}.orValue('') == ''" for each in _FILES)
    return {
        "a DestinationRule is for a Service in the student's own namespaces, or for a host outside the cluster": (
            f"{hosts.own(f'{_SPEC}.host')} || {hosts.external(f'{_SPEC}.host')}"
        ),
        "a DestinationRule names no files, certificates or credentials of a proxy": (
            "variables.policies.all(each, ([each.?tls.orValue({})] + "
            "each.?portLevelSettings.orValue([]).map(port, port.?tls.orValue({}))).all(tls, "
            f"{files}))"
        ),
        "a DestinationRule has no tunnel": "variables.policies.all(each, !each.?tunnel.hasValue())",
    }


def _service_entry() -> Rules:
    return {
        "the hosts of a ServiceEntry are outside the cluster, such as api.example.com": (
            f"{_SPEC}.?hosts.orValue([]).all(host, {hosts.external('host')})"
        ),
        "a ServiceEntry captures no addresses and has no endpoints of its own: its hosts are asked by name": (
            f"{_SPEC}.?addresses.orValue([]).size() == 0 && {_SPEC}.?endpoints.orValue([]).size() == 0 && "
            f"!{_SPEC}.?workloadSelector.hasValue()"
        ),
    }


def _authorization_policy() -> Rules:
    return {
        "an AuthorizationPolicy decides by itself: no action CUSTOM, no provider": (
            f"{_SPEC}.?action.orValue('ALLOW') != 'CUSTOM' && !{_SPEC}.?provider.hasValue()"
        ),
    }


def _request_authentication() -> Rules:
    rules = f"{_SPEC}.?jwtRules.orValue([])"
    return {
        "the keys of a RequestAuthentication are given as jwks: istiod fetches none from an address": (
            f"{rules}.all(rule, rule.?jwks.orValue('') != '' && rule.?jwksUri.orValue('') == '' && "
            "rule.?jwks_uri.orValue('') == '')"
        ),
    }


def _telemetry() -> Rules:
    parts = " + ".join(f"{_SPEC}.?{part}.orValue([])" for part in ("accessLogging", "metrics", "tracing"))
    return {
        f"telemetry goes to the providers {', '.join(_PROVIDERS)}": (
            f"({parts}).all(part, part.?providers.orValue([]).all(provider, "
            f"provider.?name.orValue('') in {literals(_PROVIDERS)}))"
        ),
    }
