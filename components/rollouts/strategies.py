"""How a version is replaced by the next, in Kubernetes' and in Argo Rollouts' own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Strategy = dict[str, Any]
"""The `strategy` of a Deployment or a Rollout."""

WEIGHTS = (20, 50, 80)
"""Percentages of the requests that a new version of delivery gets, one after the other."""

STABLE, CANARY = "stable", "canary"
"""Subsets of the DestinationRule; the controller adds the label of the right Pods to each."""

ROUTE = "primary"
"""The route of the VirtualService whose weights the controller changes."""

ANALYSIS = "delivery"
"""Name of the AnalysisTemplate."""


def ramped() -> Strategy:
    """Pod by Pod, never with fewer than wanted."""
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def recreate() -> Strategy:
    """All of the former version end first: for programs of which two versions cannot live side by side."""
    return {"type": "Recreate"}


def notes_canary() -> Strategy:
    """The notes' canary: by numbers of Pods, since nothing routes the requests."""
    steps: list[dict[str, Any]] = []
    for weight in (10, 20, 30, 40):
        steps += [{"setWeight": weight}, {"pause": {"duration": "10s"}}]
    return {"canary": {"maxSurge": "25%", "maxUnavailable": 0, "steps": steps}}


def notes_blue_green() -> Strategy:
    """The notes' blue/green: somebody promotes the preview."""
    return {
        "blueGreen": {
            "activeService": "nginx-active",
            "previewService": "nginx-preview",
            "autoPromotionEnabled": False,
            "previewReplicaCount": 2,
        }
    }


def istio_canary(app: str, *, pause: str, version: str) -> Strategy:
    """A growing share of the requests by the mesh's routes, and back to none as soon as the analysis fails.

    Args:
        app: name of the VirtualService and of the DestinationRule.
        pause: how long each weight lasts.
        version: whose answers are looked at.
    """
    steps: list[dict[str, Any]] = []
    for weight in WEIGHTS:
        steps += [{"setWeight": weight}, {"pause": {"duration": pause}}]
    return {
        "canary": {
            "trafficRouting": {
                "istio": {
                    "virtualService": {"name": app, "routes": [ROUTE]},
                    "destinationRule": {"name": app, "stableSubsetName": STABLE, "canarySubsetName": CANARY},
                }
            },
            # From the first pause on, until the end.
            "analysis": {**_analysis({"service": app, "version": version}), "startingStep": 1},
            "steps": steps,
        }
    }


def analysed_blue_green(app: str, *, preview: str, version: str) -> Strategy:
    """All requests at once, as soon as the analysis of the preview has succeeded.

    Args:
        app: name of the Service that everybody asks.
        preview: name of the Service that leads to the new version before.
        version: whose answers are looked at.
    """
    return {
        "blueGreen": {
            "activeService": app,
            "previewService": preview,
            "prePromotionAnalysis": _analysis({"service": preview, "version": version}),
        }
    }


def _analysis(arguments: Mapping[str, str]) -> dict[str, Any]:
    return {
        "templates": [{"templateName": ANALYSIS}],
        "args": [{"name": name, "value": value} for name, value in arguments.items()],
    }
