"""Settings of what watches the mesh: metrics, dashboards, traces, logs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from lab.settings import rules
from lab.settings.groups import Group, Persistence


class ServiceType(StrEnum):
    """Whether a tool has an address outside the cluster."""

    CLUSTER_IP = "ClusterIP"
    LOAD_BALANCER = "LoadBalancer"


class KialiAuth(StrEnum):
    """How people log in to Kiali, in its own words."""

    ANONYMOUS = "anonymous"
    TOKEN = "token"  # noqa: S105 - a way to log in, not a secret


class Switch(Group):
    """A part that is there or not.

    Attributes:
        enabled: whether it is there.
    """

    enabled: Annotated[bool, rules.switch()] = True


class Tool(Switch):
    """A part with a page of its own.

    Attributes:
        service_type: `LoadBalancer` gives it an address outside the cluster.
    """

    service_type: Annotated[ServiceType, rules.one_of(ServiceType)] = ServiceType.CLUSTER_IP

    @property
    def public(self) -> bool:
        """Whether it can be reached from outside the cluster."""
        return self.enabled and self.service_type is ServiceType.LOAD_BALANCER


class Prometheus(Tool):
    """Metrics; it has no login.

    Attributes:
        retention: how long samples are kept; a course day and the one after by default.
    """

    retention: Annotated[str, rules.hours()] = "48h"


class Grafana(Tool):
    """Dashboards; people log in with a generated password.

    Attributes:
        anonymous_viewer: whether everybody who reaches it may look, without a login, and change nothing.
        kubernetes_dashboards: whether the course's dashboards 6417 and 315 are there.
    """

    anonymous_viewer: Annotated[bool, rules.switch()] = False
    kubernetes_dashboards: Annotated[bool, rules.switch()] = True


class Kiali(Tool):
    """The picture of the mesh.

    Attributes:
        auth: `anonymous` only while it is private.
    """

    auth: Annotated[KialiAuth, rules.one_of(KialiAuth)] = KialiAuth.ANONYMOUS


class Loki(Tool):
    """Logs; it has no login.

    Attributes:
        retention: how long lines are kept; Loki takes no less than a day.
    """

    retention: Annotated[str, rules.hours()] = "48h"


class Observability(Group):
    """What watches the mesh; each part can be switched off alone.

    Attributes:
        prometheus: metrics.
        grafana: dashboards.
        kiali: the picture of the mesh.
        tracing: traces, with Jaeger; without it no proxy sends a span.
        loki: logs.
        log_collector: sends every Pod's log to Loki.
        kube_state_metrics: metrics of Kubernetes' objects.
        node_exporter: metrics of the nodes.
        source_ranges: IPv4 ranges that may reach the tools whose Service is a LoadBalancer.
        persistence: whether what they store outlives their Pods.
    """

    prometheus: Annotated[Prometheus, rules.section()] = Prometheus()
    grafana: Annotated[Grafana, rules.section()] = Grafana()
    kiali: Annotated[Kiali, rules.section()] = Kiali()
    tracing: Annotated[Tool, rules.section()] = Tool()
    loki: Annotated[Loki, rules.section()] = Loki()
    log_collector: Annotated[Switch, rules.section()] = Switch()
    kube_state_metrics: Annotated[Switch, rules.section()] = Switch()
    node_exporter: Annotated[Switch, rules.section()] = Switch()
    source_ranges: Annotated[tuple[str, ...], rules.ipv4_ranges()] = ()
    persistence: Annotated[Persistence, rules.section()] = Persistence()

    @property
    def public(self) -> list[str]:
        """The tools that can be reached from outside, by their key."""
        tools = {
            "prometheus": self.prometheus,
            "grafana": self.grafana,
            "kiali": self.kiali,
            "tracing": self.tracing,
            "loki": self.loki,
        }
        return [name for name, tool in tools.items() if tool.public]

    def exposed_wrongly(self) -> dict[str, str]:
        """What is public and must not be so: why and what to do, by the key of the setting below this group."""
        group = f"{rules.NAMESPACE}:observability"
        logins = {
            "grafana": "" if not self.grafana.anonymous_viewer else f"set {group}.grafana.anonymousViewer to false",
            "kiali": "" if self.kiali.auth is KialiAuth.TOKEN else f"set {group}.kiali.auth to token",
        }
        found = {}
        for name in self.public:
            if not self.source_ranges:
                found[name] = f"only for named addresses: put their IPv4 ranges in {group}.sourceRanges"
            elif logins.get(name):
                found[name] = f"only with a login: {logins[name]}"
        return {f"{name}.serviceType": f'found "LoadBalancer"; allowed: {text}' for name, text in found.items()}
