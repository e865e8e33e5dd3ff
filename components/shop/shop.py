"""The shop, composed: which applications run in which namespace, and what is particular to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import namespaces
from components.common.namespaces import Place
from components.common.volumes import Volumes
from components.rollouts import strategies
from components.rollouts.analysis import Limits
from components.rollouts.progressive import Progressive, ProgressiveArgs, preview
from components.shop import images, siege
from components.shop.app import PORT, App, AppArgs, Readiness, Replacement, Workload
from components.shop.configuration import Configuration, ConfigurationArgs
from components.shop.mysql import Mysql, MysqlArgs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.platform.base import Platform
    from lab.settings import rollouts
    from lab.settings import shop as settings

NAMESPACE = "shop"

_ORDER, _DELIVERY = "order", "delivery"

_REPLICAS_IN_TUTORIAL = {_ORDER: 1, _DELIVERY: 2}
"""As in the notes: one order to time out, two deliveries of which one is taken down."""


@dataclass(frozen=True, kw_only=True)
class ShopArgs:
    """What there is to be.

    Attributes:
        settings: of the shop.
        tutorial: the namespace `tutorial`, for the exercises there; None leaves them out.
        default: where the notes' own ConfigMaps are.
        place: a namespace that is there; None makes the course's own.
        delivery: how a version of delivery is replaced, in the namespace `shop`; None for Pod by Pod.
        rollouts: what has to be there for Argo Rollouts to do it.
    """

    settings: settings.Shop
    tutorial: Place | None
    default: Place = namespaces.DEFAULT
    place: Place | None = None
    delivery: rollouts.Delivery | None = None
    rollouts: Sequence[pulumi.Resource] = ()


class Shop(pulumi.ComponentResource):
    """The namespace `shop`, and the same applications in `tutorial` as its exercises need them.

    Attributes:
        place: the namespace, for others who put something there.
    """

    place: Place

    def __init__(
        self,
        name: str,
        args: ShopArgs,
        mesh: Sequence[pulumi.Resource],
        platform: Platform,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("istio-lab:shop:Shop", name, None, opts)
        self._settings, self._delivery, self._rollouts = args.settings, args.delivery, list(args.rollouts)
        self._platform = platform
        inside = ResourceOptions(parent=self)
        own = self.place = args.place or self._namespace()
        everywhere = [own, *([args.tutorial] if args.tutorial else [])]
        mysql = args.settings.mysql
        configuration = Configuration(
            "configuration",
            ConfigurationArgs(
                default=args.default,
                places=everywhere,
                log_level=args.settings.order.log_level.value,
                mysql=mysql.enabled,
            ),
            inside,
        )
        # A Pod made before istiod serves would be refused by its webhook or come up without a sidecar; one made before
        # its configuration is there would keep the former one.
        self._pods_after = {place.key: [*place.after, *mesh, *configuration.objects[place.key]] for place in everywhere}
        if mysql.enabled:
            Mysql(
                "mysql",
                MysqlArgs(namespace=own.name, image=mysql.image, volumes=self._volumes(), elsewhere=everywhere[1:]),
                self._pods_after[own.key],
                inside,
            )
        for place in everywhere:
            self._app(_ORDER, place, args.settings.order, configuration.digest)
            self._app(_DELIVERY, place, args.settings.delivery, None)
            if args.settings.siege.enabled:
                k8s.core.v1.Pod(
                    f"{siege.NAME}-{place.key}",
                    metadata={"name": siege.NAME, "namespace": place.name, "labels": {"app": siege.NAME}},
                    spec=siege.pod(args.settings.siege.image),
                    opts=ResourceOptions(parent=self, depends_on=self._pods_after[place.key]),
                )
        self.register_outputs({})

    def _namespace(self) -> Place:
        namespace = k8s.core.v1.Namespace(
            NAMESPACE,
            metadata={"name": NAMESPACE, "labels": {"istio-injection": "enabled"}},
            opts=ResourceOptions(parent=self),
        )
        return Place(key=NAMESPACE, name=NAMESPACE, after=[namespace])

    def _app(self, app: str, place: Place, chosen: settings.App, config_digest: str | None) -> None:
        here = place.key == NAMESPACE
        image = images.resolve(app, chosen.image, self._platform)
        if image is None:
            if here:
                pulumi.log.warn(images.missing(app))
            return
        after = self._pods_after[place.key]
        replaced = self._delivery if here and app == _DELIVERY else None
        if replaced:
            chosen = replaced.of(chosen)
        if replaced and replaced.analysed:
            controlled = [*after, *self._rollouts]
            beside = _progressive(app, place.name, replaced)
            after = [*controlled, Progressive(app, beside, controlled, ResourceOptions(parent=self))]
        args = AppArgs(
            app=app,
            namespace=place.name,
            image=image,
            replicas=chosen.replicas if here else _REPLICAS_IN_TUTORIAL[app],
            version=chosen.version,
            environment=_environment(app, chosen, configured=config_digest is not None),
            config_digest=config_digest,
            liveness=here and app == _ORDER,
            # In `tutorial` it is the mesh that has to find out which Pod is down.
            readiness=Readiness.HEALTHY if here else Readiness.LISTENING,
            replacement=_replacement(app, replaced, chosen.version) if replaced else Replacement(),
        )
        App(f"{place.key}-{app}", args, after, ResourceOptions(parent=self))

    def _volumes(self) -> Volumes | None:
        """What outlives Pods; nothing on simulated nodes, where a Pod would wait for its volume for ever."""
        persistence = self._settings.mysql.persistence
        if not persistence.enabled or not self._platform.capabilities.runs_containers:
            return None
        return Volumes(size=persistence.size, storage_class=persistence.storage_class)


def _progressive(app: str, namespace: str, chosen: rollouts.Delivery) -> ProgressiveArgs:
    analysis = chosen.analysis
    return ProgressiveArgs(
        app=app,
        namespace=namespace,
        port=PORT,
        canary=chosen.canary,
        timeout=chosen.timeout,
        forced=chosen.forces_routes,
        limits=Limits(
            success=analysis.least_success,
            milliseconds=analysis.most_milliseconds,
            interval=analysis.interval,
            window=analysis.window,
        ),
    )


def _replacement(app: str, chosen: rollouts.Delivery, version: str) -> Replacement:
    if not chosen.analysed:
        own = {"ramped": strategies.ramped, "recreate": strategies.recreate}
        return Replacement(strategy=own[chosen.strategy.value]())
    if chosen.canary:
        strategy = strategies.istio_canary(app, pause=chosen.pause, version=version)
    else:
        strategy = strategies.analysed_blue_green(app, preview=preview(app), version=version)
    return Replacement(workload=Workload.ROLLOUT, strategy=strategy)


def _environment(app: str, chosen: settings.App, *, configured: bool) -> dict[str, str]:
    """The variables of its own; the ConfigMap, where there is one, has the log level."""
    own = {"APP_VERSION": chosen.version, "APP_COLOUR": chosen.colour, "VARIANT": chosen.variant.value}
    return own if configured else {**own, f"{app.upper()}_LOG_LEVEL": chosen.log_level.value}
