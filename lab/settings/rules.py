"""Rules between settings: what a target needs, what contradicts, and what a target cannot give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.core.tags import PROJECT
from lab.settings.messages import Problem
from lab.settings.observability import KialiAuth
from lab.settings.rollouts import Strategy
from lab.settings.types import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.settings import Settings

_OBSERVABILITY, _ROLLOUTS, _TRAFFIC = f"{PROJECT}:observability", f"{PROJECT}:rollouts", f"{PROJECT}:traffic"


def problems(settings: Settings) -> list[Problem]:
    """Find the settings that are wrong beside others."""
    return [*_incomplete(settings), *_exposed(settings), *_traffic(settings), *_rollouts(settings)]


def warnings(settings: Settings) -> list[str]:
    """Name what a target cannot give, or gives badly, though everything else of the setting works there."""
    if settings.target == "azure":
        return _one_node(settings)
    if settings.target != "embedded":
        return []
    public = [f"{_OBSERVABILITY}.{name}" for name in settings.observability.public]
    public += [f"{_ROLLOUTS}.example"] if settings.rollouts.public else []
    stores = {
        _OBSERVABILITY: settings.observability.persistence,
        f"{PROJECT}:shop.mysql": settings.shop.mysql.persistence,
    }
    return [
        f"{each}.serviceType: the embedded target has no load balancers, so the Service stays a ClusterIP here."
        for each in public
    ] + [
        f"{each}.persistence.enabled: the embedded target has no volumes, so nothing is kept here."
        for each, persistence in stores.items()
        if persistence.enabled
    ]


def _one_node(settings: Settings) -> list[str]:
    """Name a system pool that AKS lets be but does not support."""
    if min(settings.azure.system_pool.count, settings.azure.system_pool.max_count) > 1:
        return []
    warning = (
        f"{PROJECT}:azure.systemPool.count: found 1; AKS asks for at least two nodes in the only system pool of a "
        "cluster: with one, everything stops while that node is upgraded or repaired."
    )
    return [warning]


def _incomplete(settings: Settings) -> Iterator[Problem]:
    """Settings that a target cannot do without."""
    needed: dict[str, str] = {}
    if settings.target == "kubeconfig":
        needed = {"kubeconfig.file": settings.kubeconfig.file, "kubeconfig.context": settings.kubeconfig.context}
        reason = "the kubeconfig target never takes whatever cluster happens to be the current one: name it"
    elif settings.target == "shared":
        needed = {"shared.platform": settings.shared.platform, "student.id": settings.student.id}
        reason = "the shared target is one student's part of another stack's cluster: name it; `lab class up` sets it"
    for key, value in needed.items():
        if not value:
            yield Problem(key, f'found ""; {reason}')


def _exposed(settings: Settings) -> Iterator[Problem]:
    """Tools that would be open to more people than they must be."""
    chosen = settings.observability
    kiali = chosen.kiali.login(students=settings.student.works_here)
    logins = {
        "grafana": "anonymousViewer to false" if chosen.grafana.anonymous_viewer else "",
        "kiali": "auth to token" if kiali is not KialiAuth.TOKEN else "",
    }
    for name in chosen.public:
        key, found = f"observability.{name}.serviceType", 'found "LoadBalancer"; allowed: only'
        if not chosen.source_ranges:
            yield Problem(key, f"{found} for named addresses: put their IPv4 ranges in {_OBSERVABILITY}.sourceRanges")
        elif logins.get(name):
            yield Problem(key, f"{found} with a login: set {_OBSERVABILITY}.{name}.{logins[name]}")


def _traffic(settings: Settings) -> Iterator[Problem]:
    """Rules for traffic that nobody would answer, or that contradict each other."""
    traffic, shop = settings.traffic, settings.shop.enabled and settings.tutorial.shop
    weights, retries = traffic.reviews.weights, traffic.order.retries
    if traffic.routes_reviews and not settings.tutorial.bookinfo:
        yield Problem(
            f"traffic.{'reviews' if weights else 'reviewsByBrowser'}",
            f"found a rule for reviews; allowed: only with {PROJECT}:tutorial.bookinfo, which serves it",
        )
    elif weights and sum(weights.values()) != 100:  # noqa: PLR2004 - percent
        listed = ", ".join(f"{name} {weight}" for name, weight in weights.items())
        yield Problem(
            "traffic.reviews", f"found {listed}, together {sum(weights.values())}; allowed: weights that make 100"
        )
    needs = f"allowed: only with {PROJECT}:tutorial.shop and {PROJECT}:shop.enabled, which serve it"
    if traffic.order.wanted and not shop:
        yield Problem("traffic.order", f"found a rule for order; {needs}")
    if traffic.delivery_circuit_breaker.enabled and not shop:
        yield Problem("traffic.deliveryCircuitBreaker.enabled", f"found true; {needs}")
    timeout = seconds(traffic.order.timeout)
    if retries.enabled and timeout and seconds(retries.per_try_timeout) > timeout:
        yield Problem(
            "traffic.order.retries.perTryTimeout",
            f'found "{retries.per_try_timeout}"; allowed: at most {_TRAFFIC}.order.timeout, which is '
            f"{traffic.order.timeout}: it would end the first attempt, and there would be no second",
        )


def _rollouts(settings: Settings) -> Iterator[Problem]:
    """New versions that nobody could look at, or that nobody would roll out."""
    rollouts, delivery = settings.rollouts, settings.rollouts.delivery
    if rollouts.public and not rollouts.example.source_ranges:
        yield Problem(
            "rollouts.example.serviceType",
            'found "LoadBalancer"; allowed: only for named addresses: put their IPv4 ranges in '
            f"{_ROLLOUTS}.example.sourceRanges",
        )
    missing = ""
    if delivery.strategy is not Strategy.RAMPED and not settings.shop.enabled:
        missing = "shop.enabled, which has delivery"
    elif delivery.analysed and not rollouts.enabled:
        missing = "rollouts.enabled, whose controller does it"
    elif delivery.analysed and not settings.observability.prometheus.enabled:
        missing = "observability.prometheus.enabled, which its analysis asks"
    elif delivery.analysed and settings.target == "embedded" and not settings.mesh.access_log:
        # Elsewhere Envoy counts by itself.
        missing = "mesh.accessLog: on the embedded target the metrics of the analysis are counted from it"
    if missing:
        found = f'found "{delivery.strategy}"; allowed: only with {PROJECT}:{missing}'
        yield Problem("rollouts.delivery.strategy", found)
    least = delivery.analysis.patience
    if delivery.canary and seconds(delivery.pause) < least:
        yield Problem(
            "rollouts.delivery.pause",
            f'found "{delivery.pause}"; allowed: at least {least:f}s, which is the window of '
            f"{_ROLLOUTS}.delivery.analysis and twice its interval: a failing version would get more requests before "
            "it was noticed",
        )
