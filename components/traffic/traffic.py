"""The traffic lessons, composed from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.common.namespaces import NamespaceRef
    from lab.settings import traffic


_VERSIONS = ("v1", "v2", "v3")
"""Versions of Bookinfo's reviews."""


@dataclass(frozen=True, kw_only=True)
class TrafficArgs:
    """Arguments of the traffic rules."""

    settings: traffic.Traffic
    namespace: NamespaceRef
    depends_on: Sequence[pulumi.Resource] = ()


class Traffic(pulumi.ComponentResource):
    """The handout's VirtualServices and DestinationRules in `tutorial`; none by default."""

    def __init__(self, name: str, args: TrafficArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:traffic:Traffic", name, None, opts)
        self._args, settings = args, args.settings
        if settings.routes_reviews:
            subsets = self._rule("DestinationRule", "reviews", reviews_destination())
            route = reviews_route(settings.reviews.weights, by_browser=settings.reviews_by_browser)
            # A route to a missing subset would answer 503.
            self._rule("VirtualService", "reviews", route, subsets)
        if settings.order.wanted:
            retries = settings.order.retries
            wanted = {
                "attempts": retries.attempts,
                "perTryTimeout": retries.per_try_timeout,
                "retryOn": retries.retry_on,
            }
            route = order_route(timeout=settings.order.timeout, retries=wanted if retries.enabled else None)
            self._rule("VirtualService", "vs-order-network-rule", route)
        if settings.delivery_circuit_breaker.enabled:
            breaker = settings.delivery_circuit_breaker
            detection = {
                "interval": breaker.interval,
                "consecutive5xxErrors": breaker.consecutive_errors,
                "baseEjectionTime": breaker.base_ejection_time,
                "maxEjectionPercent": breaker.max_ejection_percent,
            }
            self._rule("DestinationRule", "dr-delivery", delivery_destination(detection))
        self.register_outputs({})

    def _rule(self, kind: str, name: str, spec: dict[str, Any], *more: pulumi.Resource) -> pulumi.Resource:
        namespace = self._args.namespace
        return k8s.apiextensions.CustomResource(
            f"{kind.lower()}-{name}" if name == "reviews" else name,
            api_version="networking.istio.io/v1",
            kind=kind,
            metadata={"name": name, "namespace": namespace.name},
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=[*namespace.depends_on, *self._args.depends_on, *more]),
        )


def reviews_destination() -> dict[str, Any]:
    """Return DestinationRule `reviews` with a subset for each version, as in Istio's sample."""
    return {
        "host": "reviews",
        "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
        "subsets": [{"name": version, "labels": {"version": version}} for version in _VERSIONS],
    }


def reviews_route(weights: Mapping[str, int], *, by_browser: bool) -> dict[str, Any]:
    """Return VirtualService `reviews`, whose first matching rule applies.

    Args:
        weights: percentages by version; empty for version 1 alone.
        by_browser: whether Firefox gets version 2, before any weights.
    """
    # Bookinfo's front page passes on the browser's name in this header.
    firefox = {
        "match": [{"headers": {"baggage-user-agent": {"regex": ".*Firefox.*"}}}],
        "route": [{"destination": _reviews("v2")}],
    }
    shares = [
        {"destination": _reviews(version), "weight": weight} for version, weight in (weights or {"v1": 100}).items()
    ]
    everybody = {"route": shares if len(shares) > 1 else [{"destination": each["destination"]} for each in shares]}
    return {"hosts": ["reviews"], "http": [*([firefox] if by_browser else []), everybody]}


def order_route(*, timeout: str, retries: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return VirtualService `vs-order-network-rule`; without `retries` Istio's default applies."""
    http: dict[str, Any] = {"route": [{"destination": {"host": "order"}}]}
    if timeout:
        http["timeout"] = timeout
    if retries is not None:
        http["retries"] = dict(retries)
    return {"hosts": ["order"], "http": [http]}


def delivery_destination(outlier_detection: Mapping[str, Any]) -> dict[str, Any]:
    """Return DestinationRule `dr-delivery`."""
    return {
        "host": "delivery",
        "trafficPolicy": {
            "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
            "outlierDetection": dict(outlier_detection),
        },
    }


def _reviews(version: str) -> dict[str, str]:
    return {"host": "reviews", "subset": version}
