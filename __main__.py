"""The lab, chapter by chapter: platform, mesh, observability, tutorial, rollouts, shop, students, traffic, outputs."""

import signal

import pulumi
from pulumi import ResourceOptions

from components import outputs
from components.common.namespaces import DEFAULT
from components.mesh.istio import Istio, IstioArgs
from components.observability.observability import Observability, ObservabilityArgs
from components.platform.base import Platform
from components.platform.select import select
from components.rollouts.rollouts import Rollouts, RolloutsArgs
from components.shop.shop import Shop, ShopArgs
from components.students import program as students
from components.traffic.traffic import Traffic, TrafficArgs
from components.tutorial import Tutorial, TutorialArgs
from lab import toolchain
from lab.adapters import defects, files
from lab.core import paths
from lab.settings import Settings


async def main() -> pulumi.Inputs:
    """Declare what the settings ask for: a whole lab, or a student's share of one."""
    try:
        settings, stack = Settings.load(), pulumi.get_stack()
        for warning in settings.warnings:
            pulumi.log.warn(warning)
        toolchain.bring_artifacts()
        platform = await select(settings, stack)
        return (students.share if settings.shares else course)(settings, stack, platform)
    except pulumi.RunError:
        raise
    except Exception as error:  # noqa: BLE001 - the last one who can tell it to a person
        raise pulumi.RunError(str(defects.told(error))) from None  # The engine shows this type without a stack trace.


def course(settings: Settings, stack: str, platform: Platform) -> pulumi.Inputs:
    """Declare the whole lab, in the order of the course."""
    directory = paths.stack_dir(stack)
    cluster_opts = ResourceOptions(providers=[platform.provider], deleted_with=platform.deleted_with)

    istio = Istio("istio", IstioArgs.from_settings(settings, platform), cluster_opts)
    observability_args = ObservabilityArgs.from_settings(settings, platform, directory, [istio.namespace])
    observability = Observability("observability", observability_args, cluster_opts)
    tutorial = Tutorial("tutorial", TutorialArgs.from_settings(settings, platform, ready=istio.ready), cluster_opts)
    rollouts = Rollouts("delivery", RolloutsArgs.from_settings(settings.rollouts, platform, directory), cluster_opts)
    traffic_args = TrafficArgs(settings=settings.traffic, namespace=tutorial.namespace, depends_on=istio.ready)
    traffic = Traffic("traffic", traffic_args, cluster_opts)
    workloads: list[pulumi.Resource] = [observability, tutorial, rollouts, traffic]
    # Before the shop: the data plane starts while the shop's Pods wait to be called available.
    platform.run_workloads(workloads, metrics=settings.rollouts.delivery.analysed)
    everything = [*workloads]
    namespaces = [DEFAULT, tutorial.namespace]
    if settings.shop.enabled:
        shop_args = ShopArgs(
            settings=settings.shop,
            platform=platform,
            tutorial=tutorial.namespace if settings.tutorial.shop else None,
            delivery=settings.rollouts.delivery,
            mesh_ready=istio.ready,
            rollouts_ready=rollouts.ready,
        )
        shop = Shop("shop", shop_args, cluster_opts)
        everything.append(shop)
        namespaces.append(shop.namespace)
    students.admit(settings, platform, namespaces, cluster_opts)
    platform.finish(everything)
    return outputs.of_lab(stack, settings.tags(stack), platform, istio, observability)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too, but stopping is the engine's task.
    files.be_private()
    pulumi.run(main)
