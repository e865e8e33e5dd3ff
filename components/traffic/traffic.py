"""The traffic lessons, composed: which of the notes' rules are there, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.traffic import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import Place
    from lab.settings import traffic as settings


class Traffic(pulumi.ComponentResource):
    """The notes' VirtualServices and DestinationRules in `tutorial`; none of them in the lab as it first stands."""

    def __init__(
        self,
        name: str,
        chosen: settings.Traffic,
        place: Place,
        mesh: Sequence[pulumi.Resource],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("istio-lab:traffic:Traffic", name, None, opts)
        self._place, self._after = place, [*place.after, *mesh]
        if chosen.routes_reviews:
            subsets = self._rule("DestinationRule", "reviews", rules.reviews_destination())
            route = rules.reviews_route(chosen.reviews.weights, by_browser=chosen.reviews_by_browser)
            # A route to a subset that is not there yet would answer 503.
            self._rule("VirtualService", "reviews", route, subsets)
        if chosen.order.wanted:
            asked = chosen.order.retries
            retries = {
                "attempts": asked.attempts,
                "perTryTimeout": asked.per_try_timeout,
                "retryOn": asked.retry_on,
            }
            route = rules.order_route(timeout=chosen.order.timeout, retries=retries if asked.enabled else None)
            self._rule("VirtualService", "vs-order-network-rule", route)
        if chosen.delivery_circuit_breaker.enabled:
            breaker = chosen.delivery_circuit_breaker
            detection = {
                "interval": breaker.interval,
                "consecutive5xxErrors": breaker.consecutive_errors,
                "baseEjectionTime": breaker.base_ejection_time,
                "maxEjectionPercent": breaker.max_ejection_percent,
            }
            self._rule("DestinationRule", "dr-delivery", rules.delivery_destination(detection))
        self.register_outputs({})

    def _rule(self, kind: str, name: str, spec: dict[str, Any], *more: pulumi.Resource) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            f"{kind.lower()}-{name}" if name == "reviews" else name,
            api_version="networking.istio.io/v1",
            kind=kind,
            metadata={"name": name, "namespace": self._place.name},
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=[*self._after, *more]),
        )
