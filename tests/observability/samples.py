"""Ten minutes of a shop's metrics, with the labels that Istio's documentation defines and Prometheus adds.

A load generator calls order, a tenth of the calls is answered 503, a fifth goes to version v2; order calls delivery.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STEP = 15
"""Seconds between samples, as the lab scrapes."""

STEPS = 40

_BOUNDS = {"5": 0.1, "25": 0.6, "100": 0.95, "250": 0.99, "1000": 1.0, "+Inf": 1.0}
"""Buckets of every distribution, with the part of the calls that each holds."""


@dataclass(frozen=True)
class _Calls:
    """Calls of one kind.

    Attributes:
        source: the app that calls.
        destination: the app that is called.
        version: of the app that is called.
        code: that they are answered with.
        each_step: how many there are in a step.
    """

    source: str
    destination: str
    version: str
    code: int
    each_step: int

    def labels(self, reporter: str) -> dict[str, str]:
        """The labels that the proxy at one end gives, and those that Prometheus takes from its Pod."""
        at = self.source if reporter == "source" else self.destination
        return {
            "reporter": reporter,
            **_end_of_call("source", self.source, "v1"),
            **_end_of_call("destination", self.destination, self.version),
            "destination_service": f"{self.destination}.shop.svc.cluster.local",
            "destination_service_name": self.destination,
            "destination_service_namespace": "shop",
            "response_code": str(self.code),
            "response_flags": "-",
            "grpc_response_status": "",
            "request_protocol": "http",
            "connection_security_policy": "mutual_tls" if reporter == "destination" else "unknown",
            **_pod(at),
        }


_ALL_CALLS = (
    _Calls("siege", "order", "v1", 200, 70),
    _Calls("siege", "order", "v1", 503, 10),
    _Calls("siege", "order", "v2", 200, 20),
    _Calls("order", "delivery", "v1", 200, 30),
)


def _end_of_call(end: str, app: str, version: str) -> dict[str, str]:
    return {
        f"{end}_workload": app,
        f"{end}_workload_namespace": "shop",
        f"{end}_principal": f"spiffe://cluster.local/ns/shop/sa/{app}",
        f"{end}_app": app,
        f"{end}_version": version,
        f"{end}_cluster": "Kubernetes",
        f"{end}_canonical_service": app,
        f"{end}_canonical_revision": version,
    }


def _pod(app: str) -> dict[str, str]:
    return {
        "job": "kubernetes-pods",
        "instance": "10.0.0.7:15020",
        "namespace": "shop",
        "pod": f"{app}-5d4f-x2x",
        "app": app,
        "node": "node-0",
    }


def open_metrics(end: int) -> str:
    """All samples in the text form that promtool makes blocks from.

    Args:
        end: the time of the last sample, in seconds since 1970.
    """
    times = [end - STEP * (STEPS - step) for step in range(1, STEPS + 1)]
    lines = [line for family in (_requests, _distributions, _tcp, _envoy, _builds) for line in family(times)]
    return "\n".join((*lines, "# EOF", ""))


def _requests(times: list[int]) -> Iterator[str]:
    yield "# TYPE istio_requests counter"
    for calls, reporter in itertools.product(_ALL_CALLS, ("source", "destination")):
        yield from _counter("istio_requests_total", calls.labels(reporter), calls.each_step, times)


def _distributions(times: list[int]) -> Iterator[str]:
    for name in ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"):
        yield f"# TYPE {name} histogram"
        for calls, reporter in itertools.product(_ALL_CALLS, ("source", "destination")):
            labels = calls.labels(reporter)
            for bound, part in _BOUNDS.items():
                yield from _counter(f"{name}_bucket", {**labels, "le": bound}, calls.each_step * part, times)
            yield from _counter(f"{name}_count", labels, calls.each_step, times)
            yield from _counter(f"{name}_sum", labels, calls.each_step * 40, times)


def _tcp(times: list[int]) -> Iterator[str]:
    for what in ("connections_opened", "connections_closed", "sent_bytes", "received_bytes"):
        yield f"# TYPE istio_tcp_{what} counter"
        for calls, reporter in itertools.product((_ALL_CALLS[0], _ALL_CALLS[-1]), ("source", "destination")):
            labels = {**calls.labels(reporter), "request_protocol": "tcp"}
            yield from _counter(f"istio_tcp_{what}_total", labels, 3, times)


def _envoy(times: list[int]) -> Iterator[str]:
    """What only a proxy that calls counts, and only when the mesh's `proxyStatsMatcher` lets it."""
    labels = {**_pod("siege"), "cluster_name": "outbound|8080||order.shop.svc.cluster.local"}
    # Envoy's counters do not end in _total, as OpenMetrics would have it.
    for name in ("upstream_rq_retry", "outlier_detection_ejections_enforced_total"):
        yield f"# TYPE envoy_cluster_{name} unknown"
        yield from _counter(f"envoy_cluster_{name}", labels, 2, times)
    yield "# TYPE envoy_cluster_outlier_detection_ejections_active gauge"
    for time in times:
        yield _sample("envoy_cluster_outlier_detection_ejections_active", labels, 1, time)


def _builds(times: list[int]) -> Iterator[str]:
    yield "# TYPE istio_build gauge"
    for time in times:
        yield _sample("istio_build", {**_pod("siege"), "component": "proxy", "tag": "1.31.1"}, 1, time)


def _counter(name: str, labels: Mapping[str, str], each_step: float, times: list[int]) -> Iterator[str]:
    for step, time in enumerate(times, start=1):
        yield _sample(name, labels, each_step * step, time)


def _sample(name: str, labels: Mapping[str, str], value: float, time: int) -> str:
    written = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{written}}} {value:g} {time}"
