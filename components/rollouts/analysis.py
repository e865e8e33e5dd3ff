"""Whether a new version is good enough, asked of Prometheus: the AnalysisTemplate of the shop's delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PROMETHEUS = "http://prometheus.istio-system:9090"

_FAILED_LOOKS = 1
"""That are let pass: the second one ends it."""

_SILENT_LOOKS = 2
"""Without any request to judge by; one more, and it waits for somebody to decide."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a version is good enough.

    Attributes:
        success: share of its answers that are no server errors, at least.
        milliseconds: what 95 % of them take at most.
        interval: between two looks.
        window: how far back each look goes.
    """

    success: float
    milliseconds: float
    interval: str
    window: str


def template(limits: Limits, *, namespace: str, looks: int | None) -> dict[str, Any]:
    """The AnalysisTemplate's spec, with the arguments `service` and `version`.

    Both versions answer for the same Service, so the label of the version tells them apart.

    Args:
        limits: when a version is good enough.
        namespace: where the Service is.
        looks: how often it looks; None for as long as it is asked to.
    """
    of = (
        f'reporter="source",destination_service="{{{{args.service}}}}.{namespace}.svc.cluster.local",'
        'destination_version="{{args.version}}"'
    )
    every = f"[{limits.window}]"
    # A version that answers nothing but errors has no series of successes, so failures are counted, and may be none.
    failures = f'sum(rate(istio_requests_total{{{of},response_code=~"5.*|0"}}{every})) or vector(0)'
    success_rate = f"1 - ({failures}) / sum(rate(istio_requests_total{{{of}}}{every}))"
    buckets = f"sum by (le) (rate(istio_request_duration_milliseconds_bucket{{{of}}}{every}))"
    latency = f"histogram_quantile(0.95, {buckets})"
    common = {
        "initialDelay": limits.window,
        "interval": limits.interval,
        "failureLimit": _FAILED_LOOKS,
        "inconclusiveLimit": _SILENT_LOOKS,
        **({} if looks is None else {"count": looks}),
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
    # No request at all is neither: nothing is known of the version then.
    known = "len(result) > 0 && result[0]"
    return {
        "name": name,
        "successCondition": f"{known} {good}",
        "failureCondition": f"{known} {bad}",
        "provider": {"prometheus": {"address": PROMETHEUS, "query": query}},
    }
