"""The notes' traffic rules, with the notes' names and values, from the settings that stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS = ("v1", "v2", "v3")
"""Of reviews, as Bookinfo has them."""


def reviews_destination() -> dict[str, Any]:
    """DestinationRule `reviews`: a subset for each version, as Istio's sample has it."""
    return {
        "host": "reviews",
        "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
        "subsets": [{"name": version, "labels": {"version": version}} for version in _VERSIONS],
    }


def reviews_route(weights: Mapping[str, int], *, by_browser: bool) -> dict[str, Any]:
    """VirtualService `reviews`: the first rule that fits a request is the one that counts.

    Args:
        weights: percentages by version; empty for version 1 alone.
        by_browser: whether Firefox gets version 2 before any weight is looked at.
    """
    # Bookinfo's front page hands the browser's name on in this header.
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
    """VirtualService `vs-order-network-rule`.

    Args:
        timeout: empty for none.
        retries: in Istio's own words; None for those that Istio has by itself.
    """
    http: dict[str, Any] = {"route": [{"destination": {"host": "order"}}]}
    if timeout:
        http["timeout"] = timeout
    if retries is not None:
        http["retries"] = dict(retries)
    return {"hosts": ["order"], "http": [http]}


def delivery_destination(outlier_detection: Mapping[str, Any]) -> dict[str, Any]:
    """DestinationRule `dr-delivery`.

    Args:
        outlier_detection: in Istio's own words.
    """
    return {
        "host": "delivery",
        "trafficPolicy": {
            "loadBalancer": {"simple": "ROUND_ROBIN", "localityLbSetting": {"enabled": False}},
            "outlierDetection": dict(outlier_detection),
        },
    }


def _reviews(version: str) -> dict[str, str]:
    return {"host": "reviews", "subset": version}
