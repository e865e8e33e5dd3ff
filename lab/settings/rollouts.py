"""Settings of how new versions are rolled out: Argo Rollouts, the notes' example, and the shop's delivery."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from lab.settings import texts, types
from lab.settings.groups import Group
from lab.settings.observability import ServiceType
from lab.settings.shop import App, Variant
from lab.settings.types import Flag, Section, setting

if TYPE_CHECKING:
    from decimal import Decimal


class ExampleStrategy(StrEnum):
    """Strategies of the notes' Rollout."""

    CANARY = "canary"
    BLUE_GREEN = "blueGreen"


class Strategy(StrEnum):
    """Strategies by which a version of the shop's delivery is replaced."""

    RAMPED = "ramped"
    """Pod by Pod, as Kubernetes does by itself (its own word is RollingUpdate)."""

    RECREATE = "recreate"
    """All Pods of the former version end before the first of the new one begins."""

    CANARY = "canary"
    """A growing share of the requests, by the mesh, watched by an analysis."""

    BLUE_GREEN = "blueGreen"
    """All requests at once, after an analysis of a preview."""


class Routes(StrEnum):
    """Ownership of the part of the routes that the controller of Argo Rollouts writes."""

    KEPT = "kept"
    """It is the controller's: `up` never touches it."""

    APPLIED = "applied"
    """It is made what the program says, once; a Rollout in progress would begin anew with its weights."""


class Example(Group):
    """The notes' `example-rollout`, ten Pods of nginx in the namespace `default`."""

    enabled: Flag = setting(True, "Deploy the notes' `example-rollout`.", ko="노트의 `example-rollout`을 둘지 여부.")
    strategy: ExampleStrategy = setting(
        ExampleStrategy.CANARY,
        "How it replaces a version; a change recreates it.",
        ko="버전을 교체하는 방법; 바꾸면 새로 만듦.",
    )
    image: texts.Image = setting(
        "nginx:1.19.10",
        "Initial image; then `lab rollout set-image` changes it.",
        ko="처음 이미지; 그 뒤에는 `lab rollout set-image`로 바꿈.",
    )
    service_type: ServiceType = setting(
        ServiceType.CLUSTER_IP,
        "Type of its Service; `LoadBalancer` gives it an address outside the cluster and needs source ranges.",
        ko="Service의 유형; `LoadBalancer`이면 클러스터 밖 주소가 생기며 허용할 대역이 필요함.",
    )
    source_ranges: types.Ranges = setting(
        (), "Ranges that can reach it from outside.", ko="밖에서 접근할 수 있는 대역."
    )

    @property
    def canary(self) -> bool:
        """True if it replaces a version by a canary."""
        return self.strategy is ExampleStrategy.CANARY

    @property
    def public(self) -> bool:
        """True if it can be reached from outside the cluster."""
        return self.enabled and self.service_type is ServiceType.LOAD_BALANCER


class Analysis(Group):
    """Conditions under which a new version of delivery is good enough."""

    success_rate: types.Percent = setting(
        95.0, "Least percentage of answers without a server error.", ko="서버 오류가 아닌 응답의 최소 백분율."
    )
    latency: types.Duration = setting(
        "500ms", "Limit of the 95th percentile of the latency.", ko="지연 시간 95번째 백분위수의 한도."
    )
    interval: types.Duration = setting("15s", "Interval between two measurements.", ko="측정 간격.")
    window: types.Window = setting(
        "1m",
        "Time that each measurement covers; at least twice the scrape interval, which is `15s` on a cluster.",
        ko="측정마다 거슬러 보는 시간; 스크레이프 간격(클러스터에서는 `15s`)의 두 배 이상.",
    )

    @property
    def patience(self) -> Decimal:
        """Seconds until a failing version has been seen to fail twice."""
        return types.seconds(self.window) + 2 * types.seconds(self.interval)

    @property
    def least_success(self) -> float:
        """The success rate as a share of 1."""
        return self.success_rate / 100

    @property
    def most_milliseconds(self) -> float:
        """The latency, in milliseconds."""
        return float(types.seconds(self.latency) * 1000)


class Delivery(Group):
    """Rollout of the shop's delivery, in the namespace `shop`."""

    strategy: Strategy = setting(
        Strategy.RAMPED,
        "How a version of delivery in `shop` is replaced.",
        ko="`shop`에서 delivery의 버전을 교체하는 방법.",
    )
    version: texts.OptionalLabel = setting(
        "", "Version to roll out; empty for `shop.delivery.version`.", ko="배포할 버전; 비우면 `shop.delivery.version`."
    )
    variant: Literal["", "good", "slow", "failing"] = setting(
        "",
        "Behaviour of that version; empty for `shop.delivery.variant`.",
        ko="그 버전의 동작; 비우면 `shop.delivery.variant`.",
    )
    pause: types.Duration = setting(
        "2m",
        "How long a canary stays at each weight; at least the window and two intervals of the analysis.",
        ko="카나리가 가중치마다 머무는 시간; 분석의 window와 interval 두 번을 더한 것 이상.",
    )
    timeout: types.OptionalDuration = setting(
        "", "Request timeout on the canary route; empty for none.", ko="카나리 라우트의 요청 타임아웃; 비우면 없음."
    )
    routes: Routes = setting(
        Routes.KEPT,
        "Whether `up` overwrites the routes that the controller manages: `applied` for one deliberate change.",
        ko="컨트롤러가 관리하는 라우트를 `up`이 덮어쓸지 여부: 일부러 한 번 바꿀 때 `applied`.",
    )
    analysis: Section[Analysis] = setting(
        Analysis(), "When a new version is good enough.", ko="새 버전이 충분히 좋다고 보는 기준."
    )

    def of(self, app: App) -> App:
        """Delivery as it is rolled out, from what it is everywhere else."""
        version, variant = self.version or app.version, Variant(self.variant or app.variant)
        return app.model_copy(update={"version": version, "variant": variant})

    @property
    def analysed(self) -> bool:
        """True for a Rollout, whose new versions are analysed before everybody gets them."""
        return self.strategy in {Strategy.CANARY, Strategy.BLUE_GREEN}

    @property
    def canary(self) -> bool:
        """True if a new version gets a growing share of the requests."""
        return self.strategy is Strategy.CANARY

    @property
    def forces_routes(self) -> bool:
        """True if `up` writes what is the controller's."""
        return self.routes is Routes.APPLIED


class Rollouts(Group):
    """Argo Rollouts and what it rolls out."""

    enabled: Flag = setting(
        True, "Install Argo Rollouts with its dashboard.", ko="Argo Rollouts를 대시보드와 함께 둘지 여부."
    )
    example: Section[Example] = setting(Example(), "The notes' `example-rollout`.", ko="노트의 `example-rollout`.")
    delivery: Section[Delivery] = setting(Delivery(), "Rollout of the shop's delivery.", ko="상점의 delivery의 배포.")

    @property
    def public(self) -> bool:
        """True if the notes' Rollout can be reached from outside; there is none without Argo Rollouts."""
        return self.enabled and self.example.public
