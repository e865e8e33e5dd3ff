"""What a Rollout of the shop's delivery needs beside itself: routes, a preview, an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.rollouts import analysis, strategies
from components.rollouts.strategies import CANARY, ROUTE, STABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.rollouts.analysis import Limits

_LOOKS = 3
"""Of an analysis before a promotion, which must come to an end."""


@dataclass(frozen=True, kw_only=True)
class ProgressiveArgs:
    """What is rolled out, and how.

    Attributes:
        app: name of its Service and value of its label `app`.
        namespace: where it is.
        port: of its Service.
        canary: whether a new version gets a growing share of the requests, else all at once.
        timeout: how long anybody waits by the canary's route; empty for ever.
        forced: whether what the controller writes is written too.
        limits: when a new version is good enough.
    """

    app: str
    namespace: str
    port: int
    canary: bool
    timeout: str
    forced: bool
    limits: Limits


class Progressive(pulumi.ComponentResource):
    """The objects that the controller of Argo Rollouts works with.

    It writes some of their fields itself: the weights of the route, the labels of the subsets, the selector of a
    preview. With Pulumi they are written once and then left alone, as whole fields: the API server keeps each of them
    for one owner.
    """

    def __init__(
        self, name: str, args: ProgressiveArgs, after: Sequence[pulumi.Resource], opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("istio-lab:delivery:Progressive", name, None, opts)
        self._args, self._after = args, list(after)
        looks = None if args.canary else _LOOKS
        k8s.apiextensions.CustomResource(
            f"{args.app}-analysis",
            api_version="argoproj.io/v1alpha1",
            kind="AnalysisTemplate",
            metadata=self._metadata(strategies.ANALYSIS),
            spec=analysis.template(args.limits, namespace=args.namespace, looks=looks),
            opts=ResourceOptions(parent=self, depends_on=self._after),
        )
        if args.canary:
            subsets = self._rule("DestinationRule", destination(args.app), "spec.subsets")
            # A route to a subset that is not there yet would answer 503.
            self._rule("VirtualService", route(args.app, timeout=args.timeout), "spec.http", subsets)
        else:
            k8s.core.v1.Service(
                f"{args.app}-preview",
                metadata={**self._metadata(preview(args.app)), "annotations": {"pulumi.com/skipAwait": "true"}},
                spec={
                    "selector": {"app": args.app},
                    "ports": [{"name": "http", "port": args.port, "targetPort": "http", "appProtocol": "http"}],
                },
                opts=ResourceOptions(parent=self, depends_on=self._after, ignore_changes=["spec.selector"]),
            )
        self.register_outputs({})

    def _rule(
        self, kind: str, spec: dict[str, Any], controlled: str, *more: pulumi.Resource
    ) -> k8s.apiextensions.CustomResource:
        """A VirtualService or a DestinationRule, of which the controller writes one field."""
        metadata, ignored = self._metadata(self._args.app), [controlled]
        if self._args.forced:
            # The controller owns the field by now, and would have to be asked.
            metadata, ignored = {**metadata, "annotations": {"pulumi.com/patchForce": "true"}}, []
        return k8s.apiextensions.CustomResource(
            f"{self._args.app}-{kind.lower()}",
            api_version="networking.istio.io/v1",
            kind=kind,
            metadata=metadata,
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=[*self._after, *more], ignore_changes=ignored),
        )

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self._args.namespace, "labels": {"app": self._args.app}}


def preview(app: str) -> str:
    """Name of the Service that leads to a version before everybody gets it."""
    return f"{app}-preview"


def destination(app: str) -> dict[str, Any]:
    """DestinationRule: all Pods in both subsets, until the controller has told them apart."""
    return {"host": app, "subsets": [{"name": name, "labels": {"app": app}} for name in (STABLE, CANARY)]}


def route(app: str, *, timeout: str) -> dict[str, Any]:
    """VirtualService: everybody gets the stable version, until the controller changes the weights.

    Args:
        app: its host.
        timeout: empty for none.
    """
    weights = {STABLE: 100, CANARY: 0}
    shares = [{"destination": {"host": app, "subset": subset}, "weight": weight} for subset, weight in weights.items()]
    return {
        "hosts": [app],
        "http": [{"name": ROUTE, "route": shares, **({"timeout": timeout} if timeout else {})}],
    }
