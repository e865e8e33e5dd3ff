"""Helm values of Istio's charts, as pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.platform.base import Ingress, Webhooks

Values = dict[str, object]
"""Values of a chart, checked by the chart's own schema."""

_DEMO_REQUESTS = {"cpu": "10m", "memory": "40Mi"}
"""The demo profile's requests of each proxy; the gateway chart does not read profiles."""

_INGRESS_PORTS = {"status-port": (15021, 15021), "http2": (80, 8080), "https": (443, 8443)}
"""Name -> (port, target port). `istioctl install` maps 80 to 8080 and 443 to 8443, the gateway chart does not; the
course's Gateways name 8080 (Bookinfo) or 80, and with these target ports both work."""

_INGRESS_DEMO_PORTS = {"tcp": (31400, 31400), "tls": (15443, 15443)}
"""The further ports that the demo profile opens on the ingress gateway."""

_EGRESS_PORTS = {"http2": (80, 8080), "https": (443, 8443)}

JAEGER = "jaeger"
"""The tracing provider that the mesh's telemetry names."""

_JAEGER_PROVIDER = {
    "name": JAEGER,
    "opentelemetry": {"service": "jaeger-collector.istio-system.svc.cluster.local", "port": 4317},
}
"""The demo profile's from Istio 1.30 on, missing before. A list replaces the profile's, whose others are unused."""

_ACCESS_LOG = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
    '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME% "
    "traceparent=%REQ(TRACEPARENT)%\n"
)
"""Istio's default format plus the trace, which links a line in Grafana to its trace."""

_PROXY_STATS = ("upstream_rq_retry", "outlier_detection.ejections_active", "outlier_detection.ejections_enforced_total")
"""Envoy's statistics on retries and ejections, which Istio excludes by default."""


def base(webhooks: Webhooks) -> Values:
    """Return values of the `base` chart: CRDs and the validator of the default revision."""
    return {"base": _validation(webhooks)} if webhooks.validation_url is not None else {}


def istiod(  # noqa: PLR0913 - what differs between labs
    *, hub: str, version: str, access_log: bool, trace_sampling: float, webhooks: Webhooks, istio_proxies: bool
) -> Values:
    """Return values of the `istiod` chart: the course's demo profile (`istioctl install --set profile=demo`).

    Args:
        hub: image repository prefix.
        version: image tag.
        access_log: whether proxies write access logs to standard output, as in the demo profile.
        trace_sampling: percentage of requests that are traced; 100 in the demo profile.
        webhooks: the platform's.
        istio_proxies: whether proxies are Istio's build of Envoy, with an agent that fetches certificates. Beside
            simulated Pods they are upstream Envoy, without Istio's metrics filter.
    """
    values: Values = {
        "profile": "demo",
        "global": {
            "hub": hub,
            "tag": version,
            # A budget of a single replica blocks draining its node, and so deleting an AKS cluster.
            "defaultPodDisruptionBudget": {"enabled": False},
        },
        "pilot": {"traceSampling": trace_sampling},
        "meshConfig": {
            "accessLogFile": "/dev/stdout" if access_log else "",
            "accessLogFormat": _ACCESS_LOG,
            "enableTracing": True,
            # One scrape of a Pod gives the proxy's metrics and the application's own.
            "enablePrometheusMerge": True,
            "extensionProviders": [_JAEGER_PROVIDER],
            "defaultConfig": {"proxyStatsMatcher": {"inclusionSuffixes": list(_PROXY_STATS)}},
            "enableAutoMtls": istio_proxies,
        },
        # No mesh object is made before istiod is ready, so none has to pass unchecked.
        "base": {"validationFailurePolicy": "Fail"},
    }
    if not istio_proxies:
        values["telemetry"] = {"enabled": False}
    if webhooks.validation_url is not None:
        values["base"] = {"validationFailurePolicy": "Fail", **_validation(webhooks)}
    if webhooks.injection_url is not None:
        values["istiodRemote"] = {"injectionURL": webhooks.injection_url}
    if webhooks.annotations:
        values["sidecarInjectorWebhookAnnotations"] = dict(webhooks.annotations)
    return values


def ingress_gateway(*, service_type: str, ingress: Ingress) -> Values:
    """Return values of the `gateway` chart for `istio-ingressgateway`.

    Args:
        service_type: `LoadBalancer` where the cluster provides addresses, else `ClusterIP`.
        ingress: the platform's.
    """
    values = _gateway(service_type, _INGRESS_PORTS | _INGRESS_DEMO_PORTS)
    if ingress.annotations:
        values["service"]["annotations"] = dict(ingress.annotations)
    if ingress.source_ranges:
        values["service"]["loadBalancerSourceRanges"] = list(ingress.source_ranges)
    return {**values}


def egress_gateway() -> Values:
    """Return values of the `gateway` chart for `istio-egressgateway`, reached only from inside the mesh."""
    return {**_gateway("ClusterIP", _EGRESS_PORTS)}


def _validation(webhooks: Webhooks) -> dict[str, pulumi.Input[str] | None]:
    return {"validationURL": webhooks.validation_url}


def _gateway(service_type: str, ports: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, object]]:
    return {
        "service": {
            "type": service_type,
            "ports": [
                {"name": name, "port": port, "targetPort": target, "protocol": "TCP"}
                for name, (port, target) in ports.items()
            ],
        },
        "autoscaling": {"enabled": False},
        "resources": {"requests": _DEMO_REQUESTS},
    }
