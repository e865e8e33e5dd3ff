"""Objects and hosts that a lesson needs for itself, by the settings that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.namespaces import SHOP, TUTORIAL
from lab.services.lessons.lessons import Subject
from lab.settings.rollouts import Rollouts
from lab.settings.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.services.lessons.lessons import Configured, Lesson

_MESH, _ARGO = "networking.istio.io", "argoproj.io"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An object that the lesson makes."""

    group: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The objects that a lesson makes, and the requests that it decides about.

    Attributes:
        objects: that it makes.
        hosts: full names of Services whose requests it decides about.
        untouched: namespace in which it allows no rule of the mesh; empty for any.
    """

    objects: frozenset[Claim]
    hosts: frozenset[str]
    untouched: str = ""


def of(lesson: Lesson, settings: Configured) -> Claims:
    """The claims of a lesson.

    Args:
        lesson: which one.
        settings: what it writes, by top-level key.
    """
    if lesson.subject is Subject.TRAFFIC:
        return _traffic(Traffic.model_validate(settings["traffic"], by_alias=True, by_name=False))
    return _strategies(Rollouts.model_validate(settings["rollouts"], by_alias=True, by_name=False))


def _traffic(settings: Traffic) -> Claims:
    rules = list(_rules(settings))
    objects = frozenset(Claim(group=_MESH, kind=kind, namespace=TUTORIAL, name=name) for kind, name, _ in rules)
    hosts = frozenset(f"{host}.{TUTORIAL}.svc.cluster.local" for _, _, host in rules)
    return Claims(objects=objects, hosts=hosts, untouched="" if rules else TUTORIAL)


def _rules(settings: Traffic) -> Iterator[tuple[str, str, str]]:
    """Kind, name and host of each rule."""
    if settings.routes_reviews:
        yield "DestinationRule", "reviews", "reviews"
        yield "VirtualService", "reviews", "reviews"
    if settings.order.wanted:
        yield "VirtualService", "vs-order-network-rule", "order"
    if settings.delivery_circuit_breaker.enabled:
        yield "DestinationRule", "dr-delivery", "delivery"


def _strategies(settings: Rollouts) -> Claims:
    objects = frozenset((*_example(settings), *_delivery(settings)))
    hosts = {f"{each.name}.{each.namespace}.svc.cluster.local" for each in objects if each.kind == "Service"}
    return Claims(objects=objects, hosts=frozenset(hosts))


def _example(settings: Rollouts) -> Iterator[Claim]:
    if settings.enabled and settings.example.enabled:
        yield Claim(group=_ARGO, kind="Rollout", namespace="default", name="example-rollout")
        for name in ("nginx",) if settings.example.canary else ("nginx-active", "nginx-preview"):
            yield Claim(group="", kind="Service", namespace="default", name=name)


def _delivery(settings: Rollouts) -> Iterator[Claim]:
    delivery, name = settings.delivery, "delivery"
    yield Claim(group="", kind="Service", namespace=SHOP, name=name)
    if not delivery.analysed:
        yield Claim(group="apps", kind="Deployment", namespace=SHOP, name=name)
        return
    yield Claim(group=_ARGO, kind="Rollout", namespace=SHOP, name=name)
    yield Claim(group=_ARGO, kind="AnalysisTemplate", namespace=SHOP, name=name)
    if delivery.canary:
        for kind in ("VirtualService", "DestinationRule"):
            yield Claim(group=_MESH, kind=kind, namespace=SHOP, name=name)
    else:
        yield Claim(group="", kind="Service", namespace=SHOP, name=f"{name}-preview")
