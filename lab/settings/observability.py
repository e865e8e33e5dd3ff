"""Settings of observability: metrics, dashboards, traces, logs."""

from __future__ import annotations

from enum import StrEnum

from lab.settings import types
from lab.settings.groups import Group, Persistence
from lab.settings.types import Flag, Section, setting


class ServiceType(StrEnum):
    """Types of a tool's Service: without or with an address outside the cluster."""

    CLUSTER_IP = "ClusterIP"
    LOAD_BALANCER = "LoadBalancer"


class KialiAuth(StrEnum):
    """Kiali's login strategies, in its own words, or the one that fits who works on the cluster."""

    AUTOMATIC = "automatic"
    ANONYMOUS = "anonymous"
    TOKEN = "token"  # noqa: S105 - a way to log in, not a secret


class KialiRights(StrEnum):
    """What Kiali may do with the objects that it shows."""

    AUTOMATIC = "automatic"
    VIEW = "view"
    EDIT = "edit"


class Switch(Group):
    """A part that can be switched off."""

    enabled: Flag = setting(True, "Deploy it.", ko="배포할지 여부.")


class Tool(Switch):
    """A part with a page of its own."""

    service_type: ServiceType = setting(
        ServiceType.CLUSTER_IP,
        "Type of its Service; `LoadBalancer` gives it an address outside the cluster and needs source ranges.",
        ko="Service의 유형; `LoadBalancer`이면 클러스터 밖 주소가 생기며 허용할 대역이 필요함.",
    )

    @property
    def public(self) -> bool:
        """True if it can be reached from outside the cluster."""
        return self.enabled and self.service_type is ServiceType.LOAD_BALANCER


class Prometheus(Tool):
    """Metrics; it has no login."""

    retention: types.Retention = setting("48h", "How long samples are kept.", ko="표본을 보관하는 시간.")


class Grafana(Tool):
    """Dashboards; people log in with a generated password."""

    anonymous_viewer: Flag = setting(
        False,
        "Let people look without a login; refused while Grafana is public.",
        ko="로그인 없이 볼 수 있는지 여부; 공개 상태에서는 거부됨.",
    )
    kubernetes_dashboards: Flag = setting(
        True, "Add the course's dashboards 6417 and 315.", ko="과정의 대시보드 6417과 315를 둘지 여부."
    )


class Kiali(Tool):
    """The graph of the mesh."""

    auth: KialiAuth = setting(
        KialiAuth.AUTOMATIC,
        "How people log in; `automatic` is `token` where students work and `anonymous` elsewhere. "
        "Only `token` is allowed while Kiali is public.",
        ko="로그인 방법; `automatic`은 학생이 작업하는 곳에서는 `token`, 그 밖에는 `anonymous`. "
        "공개 상태에서는 `token`만 됨.",
    )
    rights: KialiRights = setting(
        KialiRights.AUTOMATIC,
        "Whether Kiali can change objects of the mesh; `automatic` is `view` where students work and `edit` elsewhere.",
        ko="Kiali가 메시 오브젝트를 바꿀 수 있는지; `automatic`은 학생이 작업하는 곳에서는 `view`, 그 밖에는 `edit`.",
    )

    def login(self, *, students: bool) -> KialiAuth:
        """Return the login strategy, given whether students work on the cluster."""
        if self.auth is not KialiAuth.AUTOMATIC:
            return self.auth
        return KialiAuth.TOKEN if students else KialiAuth.ANONYMOUS

    def edits(self, *, students: bool) -> bool:
        """Return whether Kiali may change objects, given whether students work on the cluster."""
        if self.rights is KialiRights.AUTOMATIC:
            return not students
        return self.rights is KialiRights.EDIT


class Loki(Tool):
    """Logs; it has no login, and keeps no less than a day."""

    retention: types.Retention = setting("48h", "How long log lines are kept.", ko="로그를 보관하는 시간.")


class Observability(Group):
    """Metrics, dashboards, traces and logs; each part can be switched off alone."""

    prometheus: Section[Prometheus] = setting(
        Prometheus(), "Prometheus: metrics; it has no login.", ko="Prometheus: 메트릭; 로그인이 없음."
    )
    grafana: Section[Grafana] = setting(Grafana(), "Grafana: dashboards.", ko="Grafana: 대시보드.")
    kiali: Section[Kiali] = setting(Kiali(), "Kiali: the graph of the mesh.", ko="Kiali: 메시의 그래프.")
    tracing: Section[Tool] = setting(
        Tool(),
        "Jaeger: traces; it has no login. Without it no proxy sends spans.",
        ko="Jaeger: 트레이스; 로그인이 없음. 끄면 프록시가 스팬을 보내지 않음.",
    )
    loki: Section[Loki] = setting(Loki(), "Loki: logs; it has no login.", ko="Loki: 로그; 로그인이 없음.")
    log_collector: Section[Switch] = setting(
        Switch(), "Collector that sends the logs of all Pods to Loki.", ko="모든 Pod의 로그를 Loki로 보내는 수집기."
    )
    kube_state_metrics: Section[Switch] = setting(
        Switch(), "Metrics of Kubernetes objects.", ko="쿠버네티스 오브젝트의 메트릭."
    )
    node_exporter: Section[Switch] = setting(Switch(), "Metrics of the nodes.", ko="노드의 메트릭.")
    source_ranges: types.Ranges = setting(
        (),
        "Ranges that can reach the tools whose Service is a `LoadBalancer`.",
        ko="Service가 `LoadBalancer`인 도구에 접근할 수 있는 대역.",
    )
    persistence: Section[Persistence] = setting(
        Persistence(), "Volumes of metrics, dashboards, traces and logs.", ko="메트릭, 대시보드, 트레이스, 로그의 볼륨."
    )

    @property
    def public(self) -> list[str]:
        """The tools that can be reached from outside, by their key."""
        tools = ("prometheus", "grafana", "kiali", "tracing", "loki")
        return [name for name in tools if getattr(self, name).public]
