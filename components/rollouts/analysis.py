"""The AnalysisTemplate of the shop's delivery: Prometheus decides whether a new version is good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PROMETHEUS = "http://prometheus.istio-system:9090"

_FAILURE_LIMIT = 1
"""Failed measurements that are tolerated; the second one fails the analysis."""

_INCONCLUSIVE_LIMIT = 2
"""Measurements without any request; one more, and the rollout pauses until somebody decides."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Criteria of a good version.

    Attributes:
        success: minimum share of answers that are not server errors.
        milliseconds: maximum of the 95th percentile of latency.
        interval: between two measurements.
        window: of each measurement.
    """

    success: float
    milliseconds: float
    interval: str
    window: str


def template(limits: Limits, *, namespace: str, count: int | None) -> dict[str, Any]:
    """Return the spec, with the arguments `service` and `version`.

    Both versions answer for the same Service, so the label of the version tells them apart.

    Args:
        limits: criteria of a good version.
        namespace: of the Service.
        count: number of measurements; None for as long as the rollout takes.
    """
    of = (
        f'reporter="source",destination_service="{{{{args.service}}}}.{namespace}.svc.cluster.local",'
        'destination_version="{{args.version}}"'
    )
    every = f"[{limits.window}]"
    # Failures are counted, not successes: a version that only fails has no series of successes.
    failures = f'sum(rate(istio_requests_total{{{of},response_code=~"5.*|0"}}{every})) or vector(0)'
    success_rate = f"1 - ({failures}) / sum(rate(istio_requests_total{{{of}}}{every}))"
    buckets = f"sum by (le) (rate(istio_request_duration_milliseconds_bucket{{{of}}}{every}))"
    latency = f"histogram_quantile(0.95, {buckets})"
    common = {
        "initialDelay": limits.window,
        "interval": limits.interval,
        "failureLimit": _FAILURE_LIMIT,
        "inconclusiveLimit": _INCONCLUSIVE_LIMIT,
        **({} if count is None else {"count": count}),
    }
    return {
        "args": [{"name": "service"}, {"name": "version"}],
        "metrics": [
            {
                **common,
                **_metric("success-rate", success_rate, good=f">= {limits.success:g}", bad=f"< {limits.success:g}"),
            },
            {
                **common,
                **_metric(
                    "latency-p95-ms", latency, good=f"<= {limits.milliseconds:g}", bad=f"> {limits.milliseconds:g}"
                ),
            },
        ],
    }


def _metric(name: str, query: str, *, good: str, bad: str) -> dict[str, Any]:
    # Without any request the result is inconclusive.
    known = "len(result) > 0 && result[0]"
    return {
        "name": name,
        "successCondition": f"{known} {good}",
        "failureCondition": f"{known} {bad}",
        "provider": {"prometheus": {"address": PROMETHEUS, "query": query}},
    }
