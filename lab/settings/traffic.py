"""Settings of the traffic lessons: each lesson of the course is a state of these."""

from __future__ import annotations

from lab.settings import types
from lab.settings.groups import Group
from lab.settings.types import Flag, Section, Whole, setting


class Reviews(Group):
    """Bookinfo's reviews by weight; all zero for no rule, so that every version gets its turn."""

    v1: Whole = setting(
        0,
        "Percentage of the requests to reviews that version 1 gets; all three make 100, or are 0 for no rule.",
        ko="reviews에 가는 요청 중 버전 1의 백분율; 셋을 합해 100, 모두 0이면 규칙 없음.",
        ge=0,
        le=100,
    )
    v2: Whole = setting(0, "The same for version 2.", ko="버전 2의 백분율.", ge=0, le=100)
    v3: Whole = setting(0, "The same for version 3.", ko="버전 3의 백분율.", ge=0, le=100)

    @property
    def weights(self) -> dict[str, int]:
        """The versions that get requests, by their name; empty without a rule."""
        return {name: weight for name, weight in (("v1", self.v1), ("v2", self.v2), ("v3", self.v3)) if weight}


class Retries(Group):
    """Retries of requests to order."""

    enabled: Flag = setting(False, "Retry failed requests to order.", ko="order에 실패한 요청을 재시도할지 여부.")
    attempts: Whole = setting(3, "Number of retries.", ko="재시도 횟수.", ge=1, le=10)
    per_try_timeout: types.Duration = setting(
        "2s", "Timeout of each attempt; at most the timeout of order.", ko="시도마다의 타임아웃; order의 타임아웃 이하."
    )
    retry_on: types.RetryConditions = setting(
        "5xx,retriable-4xx,gateway-error,connect-failure,refused-stream",
        "Conditions under which a request is retried, in Envoy's names.",
        ko="재시도할 조건, Envoy의 이름.",
    )


class OrderRule(Group):
    """The route to order in `tutorial`."""

    timeout: types.OptionalDuration = setting(
        "", "Request timeout of order; empty for none.", ko="order의 요청 타임아웃; 비우면 없음."
    )
    retries: Section[Retries] = setting(Retries(), "Retries of requests to order.", ko="order에 대한 요청의 재시도.")

    @property
    def wanted(self) -> bool:
        """True if there is any rule."""
        return bool(self.timeout) or self.retries.enabled


class CircuitBreaker(Group):
    """Ejection of failing Pods of delivery."""

    enabled: Flag = setting(
        False, "Eject failing Pods of delivery for a while.", ko="실패하는 delivery의 Pod를 한동안 빼 둘지 여부."
    )
    interval: types.Duration = setting("10s", "Interval between two checks.", ko="검사 간격.")
    consecutive_errors: Whole = setting(
        1,
        "Number of consecutive 5xx errors after which a Pod is ejected.",
        ko="Pod를 빼는 연속 5xx 오류의 횟수.",
        ge=1,
        le=1000,
        alias="consecutive5xxErrors",
    )
    base_ejection_time: types.Duration = setting("3m", "Time of a Pod's first ejection.", ko="처음 빼 두는 시간.")
    max_ejection_percent: Whole = setting(
        100,
        "Percentage of Pods that can be ejected at the same time.",
        ko="한꺼번에 뺄 수 있는 Pod의 백분율.",
        ge=0,
        le=100,
    )


class Traffic(Group):
    """The mesh's rules for requests in the namespace `tutorial`."""

    reviews: Section[Reviews] = setting(Reviews(), "Weights of Bookinfo's reviews.", ko="Bookinfo의 reviews의 가중치.")
    reviews_by_browser: Flag = setting(
        False,
        "Route Firefox to version 2 of reviews; everybody else by the weights, or to version 1.",
        ko="Firefox를 reviews 버전 2로 보낼지 여부; 나머지는 가중치대로, 또는 버전 1로.",
    )
    order: Section[OrderRule] = setting(OrderRule(), "Timeout and retries of order.", ko="order의 타임아웃과 재시도.")
    delivery_circuit_breaker: Section[CircuitBreaker] = setting(
        CircuitBreaker(), "Circuit breaker of delivery.", ko="delivery의 서킷 브레이커."
    )

    @property
    def routes_reviews(self) -> bool:
        """True if there is any rule for reviews."""
        return bool(self.reviews.weights) or self.reviews_by_browser
