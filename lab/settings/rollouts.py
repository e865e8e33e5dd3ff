"""Settings of how new versions are rolled out: Argo Rollouts, the notes' example, and the shop's delivery."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from lab.settings import rules
from lab.settings.groups import Group
from lab.settings.observability import ServiceType
from lab.settings.shop import App, Variant

if TYPE_CHECKING:
    from decimal import Decimal


class ExampleStrategy(StrEnum):
    """How the notes' Rollout replaces a version."""

    CANARY = "canary"
    BLUE_GREEN = "blueGreen"


class Strategy(StrEnum):
    """How a version of the shop's delivery is replaced."""

    RAMPED = "ramped"
    """Pod by Pod, as Kubernetes does by itself (its own word is RollingUpdate)."""

    RECREATE = "recreate"
    """All Pods of the former version end before the first of the new one begins."""

    CANARY = "canary"
    """A growing share of the requests, by the mesh, watched by an analysis."""

    BLUE_GREEN = "blueGreen"
    """All requests at once, after an analysis of a preview."""


class Routes(StrEnum):
    """What `up` does with the part of the routes that the controller of Argo Rollouts writes."""

    KEPT = "kept"
    """It is the controller's: `up` never touches it."""

    APPLIED = "applied"
    """It is made what the program says, once; a Rollout in progress would begin anew with its weights."""


class Example(Group):
    """The notes' `example-rollout`, ten Pods of nginx in the namespace `default`.

    Attributes:
        enabled: whether it is there.
        strategy: how it replaces a version.
        image: what it begins with; afterwards `lab rollout set-image` changes it, as in the notes.
        service_type: of the Service `nginx`, or `nginx-active`; `LoadBalancer` gives it an address outside the cluster.
        source_ranges: IPv4 ranges that may reach it there.
    """

    enabled: Annotated[bool, rules.switch()] = True
    strategy: Annotated[ExampleStrategy, rules.one_of(ExampleStrategy)] = ExampleStrategy.CANARY
    image: Annotated[str, rules.IMAGE] = "nginx:1.19.10"
    service_type: Annotated[ServiceType, rules.one_of(ServiceType)] = ServiceType.CLUSTER_IP
    source_ranges: Annotated[tuple[str, ...], rules.ipv4_ranges()] = ()

    @property
    def canary(self) -> bool:
        """Whether it replaces a version by a canary."""
        return self.strategy is ExampleStrategy.CANARY

    @property
    def public(self) -> bool:
        """Whether it can be reached from outside the cluster."""
        return self.enabled and self.service_type is ServiceType.LOAD_BALANCER


class Analysis(Group):
    """When a new version of delivery is good enough.

    Attributes:
        success_rate: percentage of its answers that are no server errors, at least.
        latency: what 95 % of them take at most.
        interval: between two looks.
        window: how far back each look goes; at least twice as far as Prometheus' samples are apart (15 s).
    """

    success_rate: Annotated[float, rules.percent()] = 95.0
    latency: Annotated[str, rules.duration()] = "500ms"
    interval: Annotated[str, rules.duration()] = "15s"
    window: Annotated[str, rules.window()] = "1m"

    @property
    def patience(self) -> Decimal:
        """Seconds until a failing version has been seen to fail twice."""
        return rules.seconds(self.window) + 2 * rules.seconds(self.interval)

    @property
    def least_success(self) -> float:
        """The success rate as a share of 1."""
        return self.success_rate / 100

    @property
    def most_milliseconds(self) -> float:
        """The latency, in milliseconds."""
        return float(rules.seconds(self.latency) * 1000)


class Delivery(Group):
    """How a version of the shop's delivery is replaced, in the namespace `shop`.

    Attributes:
        strategy: which way.
        version: what is rolled out; empty for that of `shop.delivery`, which delivery has everywhere else.
        variant: how that version behaves; empty for that of `shop.delivery`.
        pause: how long a canary stays at each of its weights.
        timeout: how long anybody waits for delivery by the canary's route; empty for ever.
        routes: whether `up` writes the canary's routes although they are the controller's.
        analysis: when the new version is good enough.
    """

    strategy: Annotated[Strategy, rules.one_of(Strategy)] = Strategy.RAMPED
    version: Annotated[str, rules.optional(rules.VERSION)] = ""
    variant: Annotated[str, rules.optional(rules.one_of(Variant))] = ""
    pause: Annotated[str, rules.duration()] = "2m"
    timeout: Annotated[str, rules.duration(empty=True)] = ""
    routes: Annotated[Routes, rules.one_of(Routes)] = Routes.KEPT
    analysis: Annotated[Analysis, rules.section()] = Analysis()

    def of(self, app: App) -> App:
        """Delivery as it is rolled out.

        Args:
            app: as it is everywhere else.
        """
        version, variant = self.version or app.version, Variant(self.variant or app.variant)
        return app.model_copy(update={"version": version, "variant": variant})

    @property
    def analysed(self) -> bool:
        """Whether it is a Rollout, whose new versions are looked at before everybody gets them."""
        return self.strategy in {Strategy.CANARY, Strategy.BLUE_GREEN}

    @property
    def canary(self) -> bool:
        """Whether a new version gets a growing share of the requests."""
        return self.strategy is Strategy.CANARY

    @property
    def forces_routes(self) -> bool:
        """Whether `up` writes what is the controller's."""
        return self.routes is Routes.APPLIED


class Rollouts(Group):
    """How new versions are rolled out.

    Attributes:
        enabled: whether Argo Rollouts is there, with its dashboard.
        example: the notes' Rollout.
        delivery: the shop's.
    """

    enabled: Annotated[bool, rules.switch()] = True
    example: Annotated[Example, rules.section()] = Example()
    delivery: Annotated[Delivery, rules.section()] = Delivery()

    @property
    def public(self) -> bool:
        """Whether the notes' Rollout can be reached from outside the cluster; there is none without Argo Rollouts."""
        return self.enabled and self.example.public

    def wrong(self, *, shop: bool, metrics: bool, access_log: bool) -> dict[str, str]:
        """What cannot be meant: why and what to do, by the key of the setting below this group.

        Args:
            shop: whether the shop is there.
            metrics: whether there is a Prometheus that an analysis can ask.
            access_log: whether what it counts can be counted; where Envoy counts by itself, always.
        """
        group, found = f"{rules.NAMESPACE}:rollouts", {}
        if self.public and not self.example.source_ranges:
            found["example.serviceType"] = (
                'found "LoadBalancer"; allowed: only for named addresses: put their IPv4 ranges in '
                f"{group}.example.sourceRanges"
            )
        chosen = f'found "{self.delivery.strategy}"; allowed: only with {rules.NAMESPACE}:'
        if self.delivery.strategy is not Strategy.RAMPED and not shop:
            found["delivery.strategy"] = f"{chosen}shop.enabled, which has delivery"
        elif self.delivery.analysed and not self.enabled:
            found["delivery.strategy"] = f"{chosen}rollouts.enabled, whose controller does it"
        elif self.delivery.analysed and not metrics:
            found["delivery.strategy"] = f"{chosen}observability.prometheus.enabled, which its analysis asks"
        elif self.delivery.analysed and not access_log:
            found["delivery.strategy"] = (
                f"{chosen}mesh.accessLog: on the embedded target the metrics of the analysis are counted from it"
            )
        least = self.delivery.analysis.patience
        if self.delivery.canary and rules.seconds(self.delivery.pause) < least:
            found["delivery.pause"] = (
                f'found "{self.delivery.pause}"; allowed: at least {least:f}s, which is the window of '
                f"{group}.delivery.analysis and twice its interval: a failing version would get more requests before "
                "it was noticed"
            )
        return found
