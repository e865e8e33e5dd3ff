"""The traffic lessons, composed from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.traffic import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import NamespaceRef
    from lab.settings import traffic


@dataclass(frozen=True, kw_only=True)
class TrafficArgs:
    """Arguments of the traffic rules.

    Attributes:
        settings: which rules there are, and their values.
        namespace: of the rules.
        depends_on: what they need.
    """

    settings: traffic.Traffic
    namespace: NamespaceRef
    depends_on: Sequence[pulumi.Resource] = ()


class Traffic(pulumi.ComponentResource):
    """The handout's VirtualServices and DestinationRules in `tutorial`; none by default."""

    def __init__(self, name: str, args: TrafficArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:traffic:Traffic", name, None, opts)
        self._args, settings = args, args.settings
        if settings.routes_reviews:
            subsets = self._rule("DestinationRule", "reviews", rules.reviews_destination())
            route = rules.reviews_route(settings.reviews.weights, by_browser=settings.reviews_by_browser)
            # A route to a missing subset would answer 503.
            self._rule("VirtualService", "reviews", route, subsets)
        if settings.order.wanted:
            retries = settings.order.retries
            wanted = {
                "attempts": retries.attempts,
                "perTryTimeout": retries.per_try_timeout,
                "retryOn": retries.retry_on,
            }
            route = rules.order_route(timeout=settings.order.timeout, retries=wanted if retries.enabled else None)
            self._rule("VirtualService", "vs-order-network-rule", route)
        if settings.delivery_circuit_breaker.enabled:
            breaker = settings.delivery_circuit_breaker
            detection = {
                "interval": breaker.interval,
                "consecutive5xxErrors": breaker.consecutive_errors,
                "baseEjectionTime": breaker.base_ejection_time,
                "maxEjectionPercent": breaker.max_ejection_percent,
            }
            self._rule("DestinationRule", "dr-delivery", rules.delivery_destination(detection))
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
