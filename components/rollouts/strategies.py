"""Strategies of Deployments and Rollouts for replacing a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Strategy = dict[str, Any]
"""The `strategy` of a Deployment or a Rollout."""

WEIGHTS = (20, 50, 80)
"""Steps of a canary, as percentages of the requests."""

STABLE, CANARY = "stable", "canary"
"""Subsets of the DestinationRule; the controller adds the label of the Pods to each."""

ROUTE = "primary"
"""The VirtualService's route whose weights the controller changes."""

ANALYSIS = "delivery"
"""Name of the AnalysisTemplate."""


def ramped() -> Strategy:
    """Replace Pod by Pod, never with fewer than wanted."""
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def recreate() -> Strategy:
    """Stop the old version first, for programs whose versions cannot run side by side."""
    return {"type": "Recreate"}


def handout_canary() -> Strategy:
    """Return the handout's canary, by numbers of Pods: nothing routes its requests."""
    steps: list[dict[str, Any]] = []
    for weight in (10, 20, 30, 40):
        steps += [{"setWeight": weight}, {"pause": {"duration": "10s"}}]
    return {"canary": {"maxSurge": "25%", "maxUnavailable": 0, "steps": steps}}


def handout_blue_green() -> Strategy:
    """Return the handout's blue/green, whose preview is promoted manually."""
    return {
        "blueGreen": {
            "activeService": "nginx-active",
            "previewService": "nginx-preview",
            "autoPromotionEnabled": False,
            "previewReplicaCount": 2,
        }
    }


def istio_canary(app: str, *, pause: str, version: str) -> Strategy:
    """Shift a growing share of requests by the mesh, and none as soon as the analysis fails.

    Args:
        app: name of the VirtualService and of the DestinationRule.
        pause: duration of each step.
        version: that is analysed.
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
            # From the first pause to the end.
            "analysis": {**_analysis({"service": app, "version": version}), "startingStep": 1},
            "steps": steps,
        }
    }


def analysed_blue_green(app: str, *, preview: str, version: str) -> Strategy:
    """Shift all requests at once, after the analysis of the preview has succeeded.

    Args:
        app: name of the active Service.
        preview: name of the preview's Service.
        version: that is analysed.
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
