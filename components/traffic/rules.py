"""The handout's traffic rules, with its names and values, as pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS = ("v1", "v2", "v3")
"""Versions of Bookinfo's reviews."""


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
