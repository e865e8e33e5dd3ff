"""The lab, chapter by chapter: settings, platform, mesh, observability, tutorial, shop, traffic, delivery, outputs."""

import gc
import signal

if __name__ == "__main__":  # a class imports this program and runs it for many students in one process
    # Most of the program's time is importing; nothing here lives long enough to be worth collecting.
    gc.disable()
    # Ctrl-C in a terminal reaches this process as well, but ending gracefully is the engine's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

import pulumi
from pulumi import ResourceOptions

from components import engine
from components.common.exposure import PRIVATE
from components.common.namespaces import DEFAULT, Place
from components.mesh.istio import Istio, IstioArgs, IstioCharts
from components.observability.observability import Manifests, Observability, ObservabilityArgs
from components.platform import shared
from components.platform.select import select
from components.rollouts.argo_rollouts import RolloutsManifests
from components.rollouts.delivery import Delivery, DeliveryArgs
from components.rollouts.example import Example, ExampleArgs
from components.shop.shop import Shop, ShopArgs
from components.students.access import Access, AccessArgs, Rights
from components.students.guardrails import Student, StudentArgs
from components.students.policy import Confinement
from components.traffic.traffic import Traffic
from components.tutorial import BookinfoArgs, Tutorial, TutorialArgs
from lab import artifacts, dashboards, paths, tags
from lab.classroom import names
from lab.settings import Settings


async def main() -> pulumi.Inputs:
    """Read the settings, and declare what they ask for."""
    settings = Settings.load()
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    return await (share(settings) if settings.shares else course(settings))


async def course(settings: Settings) -> pulumi.Inputs:
    """Declare everything, in the order of the course."""
    platform = await select(settings, pulumi.get_stack())
    in_cluster = ResourceOptions(providers=[platform.provider], deleted_with=platform.deleted_with)
    await engine.begin(platform.urn)

    istio = Istio(
        "istio",
        IstioArgs(
            charts=IstioCharts(
                base=artifacts.path("istio-base"),
                istiod=artifacts.path("istiod"),
                gateway=artifacts.path("istio-gateway"),
            ),
            version=settings.istio_version,
            hub=settings.istio_hub,
            access_log=settings.mesh.access_log,
            tracing=settings.observability.tracing.enabled,
            trace_sampling=settings.mesh.trace_sampling,
            egress_gateway=settings.mesh.egress_gateway,
        ),
        platform,
        in_cluster,
    )
    await engine.begin(istio.urn)

    observability = Observability(
        "observability",
        ObservabilityArgs(
            manifests=Manifests(
                prometheus=artifacts.path("addon-prometheus.yaml"),
                grafana=artifacts.path("addon-grafana.yaml"),
                kiali=artifacts.path("addon-kiali.yaml"),
                jaeger=artifacts.path("addon-jaeger.yaml"),
                loki=artifacts.path("addon-loki.yaml"),
            ),
            kubernetes_dashboards=dashboards.found(),
            settings=settings.observability,
            directory=paths.stack_dir(pulumi.get_stack()),
        ),
        istio,
        platform,
        in_cluster,
    )

    tutorial = Tutorial("tutorial", tutorial_args(settings), istio.ready, in_cluster)

    delivery = Delivery(
        "delivery",
        DeliveryArgs(
            manifests=RolloutsManifests(
                install=artifacts.path("argo-rollouts.yaml"),
                dashboard=artifacts.path("argo-rollouts-dashboard.yaml"),
            ),
            settings=settings.rollouts,
            directory=paths.stack_dir(pulumi.get_stack()),
        ),
        platform,
        in_cluster,
    )

    stands: list[pulumi.Resource] = [observability, tutorial, delivery]
    places = [DEFAULT, tutorial.place]
    if settings.shop.enabled:
        shop = Shop(
            "shop",
            ShopArgs(
                settings=settings.shop,
                tutorial=tutorial.place if settings.tutorial.shop else None,
                delivery=settings.rollouts.delivery,
                rollouts=delivery.ready,
            ),
            istio.ready,
            platform,
            in_cluster,
        )
        stands.append(shop)
        places.append(shop.place)
    if settings.student.works_here:
        Rights("rights", in_cluster)
    if settings.student.id:
        Access("access", AccessArgs(places=places, group=settings.student.group), in_cluster)
    if settings.student.many:
        Confinement("confinement", in_cluster)

    traffic = Traffic("traffic", settings.traffic, tutorial.place, istio.ready, in_cluster)

    platform.run_workloads([*stands, traffic], metrics=settings.rollouts.delivery.analysed)

    return {
        "kubeconfig": platform.kubeconfig,
        tags.OUTPUT: settings.tags(pulumi.get_stack()),
        **platform.outputs,
        **observability.urls,
        "bookinfoUrl": pulumi.Output.concat("http://", istio.ingress_address, "/productpage"),
        shared.OUTPUT: shared.facts(platform, istio.ingress_address),
    }


async def share(settings: Settings) -> pulumi.Inputs:
    """Declare what one student has of a cluster that a class shares: the course, in namespaces of their own."""
    platform = await select(settings, pulumi.get_stack())
    await engine.begin(platform.urn)
    everything = ResourceOptions(providers=[platform.provider])
    student = Student(
        "student",
        StudentArgs(
            id=settings.student.id,
            classroom=settings.student.classroom,
            cpu=settings.shared.cpu,
            memory=settings.shared.memory,
            pods=settings.shared.pods,
            group=settings.student.group,
        ),
        everything,
    )
    host = names.host(settings.student.id)

    tutorial = Tutorial("tutorial", tutorial_args(settings, student.tutorial, host), (), everything)
    if settings.rollouts.enabled and settings.rollouts.example.enabled:
        chosen = settings.rollouts.example
        example = ExampleArgs(canary=chosen.canary, image=chosen.image, exposure=PRIVATE, place=student.default)
        Example("example", example, (), everything)
    if settings.shop.enabled:
        shop = ShopArgs(
            settings=settings.shop,
            default=student.default,
            place=student.shop,
            tutorial=tutorial.place if settings.tutorial.shop else None,
            delivery=settings.rollouts.delivery,
        )
        Shop("shop", shop, (), platform, everything)
    Traffic("traffic", settings.traffic, tutorial.place, (), everything)

    return {
        tags.OUTPUT: settings.tags(pulumi.get_stack()),
        "namespaces": [place.name for place in (student.default, student.tutorial, student.shop)],
        "bookinfoUrl": pulumi.Output.concat("http://", host, "/productpage"),
        "ingress": platform.ingress.address,
    }


def tutorial_args(settings: Settings, place: Place | None = None, host: str | None = None) -> TutorialArgs:
    """What the namespace `tutorial` holds."""
    bookinfo = BookinfoArgs(
        applications=artifacts.path("bookinfo.yaml"),
        gateway=artifacts.path("bookinfo-gateway.yaml"),
        hub=settings.istio_hub,
        host=host,
    )
    return TutorialArgs(
        hello_nginx_image=settings.tutorial.hello_nginx_image if settings.tutorial.hello_nginx else None,
        bookinfo=bookinfo if settings.tutorial.bookinfo else None,
        place=place,
    )


if __name__ == "__main__":
    pulumi.run(main)
