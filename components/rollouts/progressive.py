"""Objects beside the Rollout of the shop's delivery: routes or a preview, and an analysis."""

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

_COUNT = 3
"""Measurements of an analysis before a promotion, which has to end."""


@dataclass(frozen=True, kw_only=True)
class ProgressiveArgs:
    """Arguments of a progressive delivery.

    Attributes:
        app: name of its Service and value of its label `app`.
        namespace: of its objects.
        port: of its Service.
        canary: whether a new version gets a growing share of the requests, otherwise all at once.
        timeout: of requests on the canary's route; empty for none.
        forced: whether to overwrite the fields that the controller writes.
        limits: criteria of a good version.
        depends_on: what its objects need.
    """

    app: str
    namespace: str
    port: int
    canary: bool
    timeout: str
    forced: bool
    limits: Limits
    depends_on: Sequence[pulumi.Resource]


class Progressive(pulumi.ComponentResource):
    """The objects that the controller of Argo Rollouts works with.

    The controller writes some of their fields: weights of the route, labels of the subsets, the preview's selector.
    Pulumi writes these once and then ignores them, as whole fields: the API server keeps one owner for each.
    """

    def __init__(self, name: str, args: ProgressiveArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:delivery:Progressive", name, None, opts)
        self._args = args
        k8s.apiextensions.CustomResource(
            f"{args.app}-analysis",
            api_version="argoproj.io/v1alpha1",
            kind="AnalysisTemplate",
            metadata=self._metadata(strategies.ANALYSIS),
            spec=analysis.template(args.limits, namespace=args.namespace, count=None if args.canary else _COUNT),
            opts=ResourceOptions(parent=self, depends_on=list(args.depends_on)),
        )
        if args.canary:
            subsets = self._rule("DestinationRule", destination(args.app), "spec.subsets")
            # A route to a missing subset would answer 503.
            self._rule("VirtualService", route(args.app, timeout=args.timeout), "spec.http", subsets)
        else:
            k8s.core.v1.Service(
                f"{args.app}-preview",
                metadata={**self._metadata(preview(args.app)), "annotations": {"pulumi.com/skipAwait": "true"}},
                spec={
                    "selector": {"app": args.app},
                    "ports": [{"name": "http", "port": args.port, "targetPort": "http", "appProtocol": "http"}],
                },
                opts=ResourceOptions(parent=self, depends_on=list(args.depends_on), ignore_changes=["spec.selector"]),
            )
        self.register_outputs({})

    def _rule(
        self, kind: str, spec: dict[str, Any], controlled: str, *more: pulumi.Resource
    ) -> k8s.apiextensions.CustomResource:
        """Make a VirtualService or a DestinationRule, of which the controller writes one field."""
        ignored = [] if self._args.forced else [controlled]
        return k8s.apiextensions.CustomResource(
            f"{self._args.app}-{kind.lower()}",
            api_version="networking.istio.io/v1",
            kind=kind,
            metadata=self._metadata(self._args.app),
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=[*self._args.depends_on, *more], ignore_changes=ignored),
        )

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self._args.namespace, "labels": {"app": self._args.app}}


def preview(app: str) -> str:
    """Return the name of the preview's Service."""
    return f"{app}-preview"


def destination(app: str) -> dict[str, Any]:
    """Return a DestinationRule with all Pods in both subsets, until the controller separates them."""
    return {"host": app, "subsets": [{"name": name, "labels": {"app": app}} for name in (STABLE, CANARY)]}


def route(app: str, *, timeout: str) -> dict[str, Any]:
    """Return a VirtualService to the stable version, until the controller changes the weights."""
    weights = {STABLE: 100, CANARY: 0}
    shares = [{"destination": {"host": app, "subset": subset}, "weight": weight} for subset, weight in weights.items()]
    return {"hosts": [app], "http": [{"name": ROUTE, "route": shares, **({"timeout": timeout} if timeout else {})}]}
