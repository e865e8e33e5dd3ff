"""Istio's metrics of the requests that the Envoys make, counted from their access logs.

Istio's own build of Envoy has a filter that counts; the Envoy of its own project, which runs here, has not. What it
logs of a request is the same, though, and the agent knows every Pod by its address: so the names, the labels and the
buckets are Istio's, and the queries of the course work here as they do on a cluster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lab.platforms.dataplane.pods import Pod

_UNKNOWN = "unknown"

_BUCKETS = (
    *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
    *(10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000),
)
"""Milliseconds, as in Istio."""

_LABELS = (
    "reporter",
    "source_workload",
    "source_workload_namespace",
    "source_app",
    "source_version",
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "destination_workload",
    "destination_workload_namespace",
    "destination_app",
    "destination_version",
    "request_protocol",
    "response_code",
    "response_flags",
    "connection_security_policy",
)

_LINE = re.compile(
    r'^\[[^\]]+\] "[^"]*" (?P<code>\d+) (?P<flags>\S+) .*?"[^"]*" \d+ \d+ (?P<duration>\d+) '
    r'.*"(?P<upstream>[^"]*)" outbound\|\d+\|[^|\s]*\|(?P<host>\S+) \S+ \S+ \S+ \S+ \S+ traceparent=\S*$'
)
"""An outbound request in the lab's access log format."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request of a proxy to a Service, sent or refused, with Envoy's flags and the address of the Pod."""

    code: str
    flags: str
    milliseconds: int
    upstream: str
    host: str


def parse(line: str) -> Request | None:
    """Parse a line of an access log; None for other lines."""
    if not (found := _LINE.match(line)):
        return None
    return Request(
        code=found["code"],
        flags=found["flags"],
        milliseconds=int(found["duration"]),
        upstream=found["upstream"].rpartition(":")[0],
        host=found["host"],
    )


class Log:
    """An access log that is being written."""

    def __init__(self, file: Path) -> None:
        """Begin where it ends now."""
        self._file = file
        self._at = file.stat().st_size if file.exists() else 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the lines completed since the last call."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as log:
            if self._file.stat().st_size < self._at:  # it was cut
                self._at, self._rest = 0, b""
            log.seek(self._at)
            new = log.read()
        self._at += len(new)
        *complete, self._rest = (self._rest + new).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


class Telemetry:
    """The metrics of one lab, in a registry of Prometheus' client library."""

    registry: CollectorRegistry

    def __init__(self, pod_at: Callable[[str], Pod | None]) -> None:
        """Start at zero; `pod_at` finds the Pod that has, or just had, an address."""
        self._pod_at = pod_at
        self.registry = CollectorRegistry()
        self._requests = Counter("istio_requests", "Requests, as Istio counts them.", _LABELS, registry=self.registry)
        self._durations = Histogram(
            "istio_request_duration_milliseconds",
            "How long requests took.",
            _LABELS,
            registry=self.registry,
            buckets=_BUCKETS,
        )

    def count(self, source: Pod, line: str) -> None:
        """Count a line of a proxy's access log; other lines are ignored."""
        if (request := parse(line)) is None:
            return
        labels = _labels(source, self._pod_at(request.upstream), request)
        self._requests.labels(**labels).inc()
        self._durations.labels(**labels).observe(request.milliseconds)


def _labels(source: Pod, destination: Pod | None, request: Request) -> Mapping[str, str]:
    name, _, rest = request.host.partition(".")
    return {
        "reporter": "source",
        "source_workload": source.workload,
        "source_workload_namespace": source.namespace,
        "source_app": source.labels.get("app", _UNKNOWN),
        "source_version": source.labels.get("version", _UNKNOWN),
        "destination_service": request.host,
        "destination_service_name": name,
        "destination_service_namespace": rest.partition(".")[0],
        "destination_workload": destination.workload if destination else _UNKNOWN,
        "destination_workload_namespace": destination.namespace if destination else _UNKNOWN,
        "destination_app": destination.labels.get("app", _UNKNOWN) if destination else _UNKNOWN,
        "destination_version": destination.labels.get("version", _UNKNOWN) if destination else _UNKNOWN,
        "request_protocol": "http",
        "response_code": request.code,
        "response_flags": request.flags,
        # Pods of the embedded lab speak plain text with each other.
        "connection_security_policy": "none",
    }
