"""The shop, composed: which applications run in which namespace, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import namespaces
from components.common.namespaces import NamespaceRef, injected
from components.common.volumes import Volumes
from components.rollouts import strategies
from components.rollouts.analysis import Limits
from components.rollouts.progressive import Progressive, ProgressiveArgs, preview
from components.shop import images
from components.shop.app import PORT, App, AppArgs, Readiness, Replacement, Workload
from components.shop.configuration import Configuration, ConfigurationArgs
from components.shop.mysql import Mysql, MysqlArgs
from lab.core.namespaces import SHOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.platform.base import Platform
    from lab.settings import rollouts, shop

_ORDER, _DELIVERY, _SIEGE = "order", "delivery", "siege"

_REPLICAS_IN_TUTORIAL = {_ORDER: 1, _DELIVERY: 2}
"""As in the handout: one order to time out, two deliveries of which one is taken down."""


@dataclass(frozen=True, kw_only=True)
class ShopArgs:
    """Arguments of the shop.

    Attributes:
        tutorial: the namespace `tutorial`, for its exercises with the shop; None for no exercises.
        default: the namespace of the handout's own ConfigMaps.
        namespace: an existing namespace; None to create `shop`.
        delivery: how a version of delivery is replaced in the namespace `shop`; None for Pod by Pod.
        mesh_ready: what Pods need to get a sidecar.
        rollouts_ready: what Rollouts need.
    """

    settings: shop.Shop
    platform: Platform
    tutorial: NamespaceRef | None = None
    default: NamespaceRef = namespaces.DEFAULT
    namespace: NamespaceRef | None = None
    delivery: rollouts.Delivery | None = None
    mesh_ready: Sequence[pulumi.Resource] = ()
    rollouts_ready: Sequence[pulumi.Resource] = ()


class Shop(pulumi.ComponentResource):
    """The namespace `shop`, and the same applications in `tutorial` for its exercises.

    Attributes:
        namespace: for other components.
    """

    namespace: NamespaceRef

    def __init__(self, name: str, args: ShopArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:shop:Shop", name, None, opts)
        self._args, settings = args, args.settings
        child_opts = ResourceOptions(parent=self)
        own = self.namespace = args.namespace or injected(SHOP, self)
        everywhere = [own, *([args.tutorial] if args.tutorial else [])]
        configuration = Configuration(
            "configuration",
            ConfigurationArgs(
                default=args.default,
                namespaces=everywhere,
                log_level=settings.order.log_level.value,
                mysql=settings.mysql.enabled,
            ),
            child_opts,
        )
        # Before istiod is ready its webhook would refuse a Pod, or leave it without a sidecar. A Pod that starts before
        # its configuration would keep the former one.
        self._depends_on = {
            each.key: [*each.depends_on, *args.mesh_ready, *configuration.objects[each.key]] for each in everywhere
        }
        if settings.mysql.enabled:
            database = args.platform.images.pulled(settings.mysql.image)
            mysql = MysqlArgs(
                namespace=own.name,
                image=database.image,
                volumes=Volumes.wanted(settings.mysql.persistence, args.platform.capabilities),
                aliases=everywhere[1:],
                depends_on=[*self._depends_on[own.key], *database.depends_on],
            )
            Mysql("mysql", mysql, child_opts)
        for namespace in everywhere:
            self._app(_ORDER, namespace, settings.order, configuration.digest)
            self._app(_DELIVERY, namespace, settings.delivery, None)
            if settings.siege.enabled:
                siege = args.platform.images.pulled(settings.siege.image)
                k8s.core.v1.Pod(
                    f"{_SIEGE}-{namespace.key}",
                    metadata={"name": _SIEGE, "namespace": namespace.name, "labels": {"app": _SIEGE}},
                    spec=_siege(siege.image),
                    opts=ResourceOptions(parent=self, depends_on=[*self._depends_on[namespace.key], *siege.depends_on]),
                )
        self.register_outputs({})

    def _app(self, app: str, namespace: NamespaceRef, settings: shop.App, config_digest: str | None) -> None:
        in_shop = namespace.key == SHOP
        image = images.resolve(app, settings.image, self._args.platform)
        if image is None:
            if in_shop:
                pulumi.log.warn(images.missing(app))
            return
        depends_on = [*self._depends_on[namespace.key], *image.depends_on]
        delivery = self._args.delivery if in_shop and app == _DELIVERY else None
        if delivery:
            settings = delivery.of(settings)
        if delivery and delivery.analysed:
            controlled = [*depends_on, *self._args.rollouts_ready]
            progressive = _progressive(app, namespace.name, delivery, controlled)
            depends_on = [*controlled, Progressive(app, progressive, ResourceOptions(parent=self))]
        args = AppArgs(
            app=app,
            namespace=namespace,
            image=image.image,
            replicas=settings.replicas if in_shop else _REPLICAS_IN_TUTORIAL[app],
            version=settings.version,
            environment=_environment(app, settings, configured=config_digest is not None),
            config_digest=config_digest,
            liveness=in_shop and app == _ORDER,
            # In `tutorial` the mesh has to find out which Pod is down.
            readiness=Readiness.HEALTHY if in_shop else Readiness.LISTENING,
            depends_on=depends_on,
            replacement=_replacement(app, delivery, settings.version) if delivery else Replacement(),
        )
        App(f"{namespace.key}-{app}", args, ResourceOptions(parent=self))


def _progressive(
    app: str, namespace: str, delivery: rollouts.Delivery, depends_on: Sequence[pulumi.Resource]
) -> ProgressiveArgs:
    analysis = delivery.analysis
    return ProgressiveArgs(
        app=app,
        namespace=namespace,
        port=PORT,
        canary=delivery.canary,
        timeout=delivery.timeout,
        forced=delivery.forces_routes,
        limits=Limits(
            success=analysis.least_success,
            milliseconds=analysis.most_milliseconds,
            interval=analysis.interval,
            window=analysis.window,
        ),
        depends_on=depends_on,
    )


def _replacement(app: str, delivery: rollouts.Delivery, version: str) -> Replacement:
    if not delivery.analysed:
        own = {"ramped": strategies.ramped, "recreate": strategies.recreate}
        return Replacement(strategy=own[delivery.strategy.value]())
    if delivery.canary:
        strategy = strategies.istio_canary(app, pause=delivery.pause, version=version)
    else:
        strategy = strategies.analysed_blue_green(app, preview=preview(app), version=version)
    return Replacement(workload=Workload.ROLLOUT, strategy=strategy)


def _environment(app: str, settings: shop.App, *, configured: bool) -> dict[str, str]:
    """Return an application's own variables; the log level is in the ConfigMap, if there is one."""
    own = {"APP_VERSION": settings.version, "APP_COLOUR": settings.colour, "VARIANT": settings.variant.value}
    return own if configured else {**own, f"{app.upper()}_LOG_LEVEL": settings.log_level.value}


def _siege(image: pulumi.Input[str]) -> dict[str, Any]:
    """Return the Pod's spec; the third-party image needs its own user and a writable file system."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": _SIEGE,
                "image": image,
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False},
            }
        ],
    }
