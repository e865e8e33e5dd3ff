"""Metrics for Prometheus, named as Spring's are, whose names the course's dashboards know."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """Of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "http_server_requests_seconds",
            "How long requests took, by method, route and status.",
            ("method", "uri", "status"),
            registry=self._registry,
            buckets=_BUCKETS,
        )

    def answered(self, method: str, uri: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            method: of the request.
            uri: the route's pattern: never the path itself, of which there may be millions.
            status: of the answer.
            seconds: from the request's head to the answer's end.
        """
        self._requests.labels(method, uri, str(status)).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
