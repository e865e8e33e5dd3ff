"""Settings of the traffic lessons: each lesson of the course is a state of these."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.settings import rules
from lab.settings.groups import Group

_ALL = 100
"""Percent."""


class Reviews(Group):
    """Bookinfo's reviews by weight; all zero for no rule, so that every version gets its turn.

    Attributes:
        v1: percentage of the requests that version 1 gets.
        v2: the same for version 2.
        v3: the same for version 3.
    """

    v1: Annotated[int, rules.whole(0, _ALL)] = 0
    v2: Annotated[int, rules.whole(0, _ALL)] = 0
    v3: Annotated[int, rules.whole(0, _ALL)] = 0

    @property
    def weights(self) -> dict[str, int]:
        """The versions that get requests, by their name; empty without a rule."""
        return {name: weight for name, weight in (("v1", self.v1), ("v2", self.v2), ("v3", self.v3)) if weight}


class Retries(Group):
    """What the mesh does when order does not answer as it should.

    Attributes:
        enabled: whether it asks again at all.
        attempts: how often.
        per_try_timeout: how long it waits for each attempt.
        retry_on: which answers count as none, in Envoy's words.
    """

    enabled: Annotated[bool, rules.switch()] = False
    attempts: Annotated[int, rules.whole(1, 10)] = 3
    per_try_timeout: Annotated[str, rules.duration()] = "2s"
    retry_on: Annotated[str, rules.retry_conditions()] = (
        "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream"
    )


class OrderRule(Group):
    """How long anybody in `tutorial` waits for order.

    Attributes:
        timeout: empty for ever.
        retries: whether order is asked again.
    """

    timeout: Annotated[str, rules.duration(empty=True)] = ""
    retries: Annotated[Retries, rules.section()] = Retries()

    @property
    def wanted(self) -> bool:
        """Whether there is any rule."""
        return bool(self.timeout) or self.retries.enabled


class CircuitBreaker(Group):
    """When a Pod of delivery is left alone for a while.

    Attributes:
        enabled: whether that happens at all.
        interval: how often the mesh looks.
        consecutive_errors: how many 5xx in a row are too many.
        base_ejection_time: how long it is left alone, for the first time.
        max_ejection_percent: how much of delivery may be left alone at the same time.
    """

    enabled: Annotated[bool, rules.switch()] = False
    interval: Annotated[str, rules.duration()] = "10s"
    consecutive_errors: Annotated[int, rules.whole(1, 1000)] = Field(default=1, alias="consecutive5xxErrors")
    base_ejection_time: Annotated[str, rules.duration()] = "3m"
    max_ejection_percent: Annotated[int, rules.whole(0, _ALL)] = _ALL


class Traffic(Group):
    """What the mesh does with requests in the namespace `tutorial`.

    Attributes:
        reviews: Bookinfo's reviews by weight.
        reviews_by_browser: whether Firefox gets version 2; everybody else gets what the weights say, or version 1.
        order: time-out and retries.
        delivery_circuit_breaker: when a Pod of delivery is left alone.
    """

    reviews: Annotated[Reviews, rules.section()] = Reviews()
    reviews_by_browser: Annotated[bool, rules.switch()] = False
    order: Annotated[OrderRule, rules.section()] = OrderRule()
    delivery_circuit_breaker: Annotated[CircuitBreaker, rules.section()] = CircuitBreaker()

    @property
    def routes_reviews(self) -> bool:
        """Whether there is any rule for reviews."""
        return bool(self.reviews.weights) or self.reviews_by_browser

    def wrong(self, *, bookinfo: bool, shop: bool) -> dict[str, str]:
        """What cannot be meant: why and what to do, by the key of the setting below this group.

        Args:
            bookinfo: whether Bookinfo is there.
            shop: whether order and delivery are in `tutorial`.
        """
        group, found = f"{rules.NAMESPACE}:traffic", {}
        weights, retries = self.reviews.weights, self.order.retries
        if weights and sum(weights.values()) != _ALL:
            listed = ", ".join(f"{name} {weight}" for name, weight in weights.items())
            found["reviews"] = f"found {listed}, together {sum(weights.values())}; allowed: weights that make 100"
        if self.routes_reviews and not bookinfo:
            key = "reviews" if weights else "reviewsByBrowser"
            found[key] = (
                f"found a rule for reviews; allowed: only with {rules.NAMESPACE}:tutorial.bookinfo, which serves it"
            )
        needs = f"allowed: only with {rules.NAMESPACE}:tutorial.shop and {rules.NAMESPACE}:shop.enabled, which serve it"
        if self.order.wanted and not shop:
            found["order"] = f"found a rule for order; {needs}"
        if self.delivery_circuit_breaker.enabled and not shop:
            found["deliveryCircuitBreaker.enabled"] = f"found true; {needs}"
        timeout = rules.seconds(self.order.timeout)
        if retries.enabled and timeout and rules.seconds(retries.per_try_timeout) > timeout:
            found["order.retries.perTryTimeout"] = (
                f'found "{retries.per_try_timeout}"; allowed: at most {group}.order.timeout, which is '
                f"{self.order.timeout}: it would end the first attempt, and there would be no second"
            )
        return found
