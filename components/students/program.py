"""The program of a student's share of a cluster, and what a cluster needs for its students."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions

from components.rollouts.example import Example, ExampleArgs
from components.shop.shop import Shop, ShopArgs
from components.students.access import StudentAccess, StudentAccessArgs, StudentClusterRole, StudentClusterRoleArgs
from components.students.guardrails import Student, StudentArgs, StudentObjectCounts, StudentObjectCountsArgs
from components.students.policy import StudentPolicies, StudentPoliciesArgs
from components.traffic.traffic import Traffic, TrafficArgs
from components.tutorial import Tutorial, TutorialArgs
from lab.core import tags
from lab.settings import students

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.common.namespaces import NamespaceRef
    from components.platform.base import Platform
    from lab.settings import Settings


def admit(settings: Settings, platform: Platform, namespaces: Sequence[NamespaceRef], opts: ResourceOptions) -> None:
    """Declare what the students of a whole lab need: the one whose lab it is, or all who share its cluster."""
    student, hub = settings.student, settings.istio_hub
    if student.works_here:
        StudentClusterRole("rights", StudentClusterRoleArgs(), opts)
    if student.id:
        StudentAccess("access", StudentAccessArgs(namespaces=namespaces, group=student.group), opts)
        theirs = [namespace.name for namespace in namespaces]
        StudentPolicies("confinement", StudentPoliciesArgs(hub=hub, namespaces=theirs), opts)
    if student.many:
        StudentPolicies("confinement", StudentPoliciesArgs(hub=hub), opts)
        # Whatever of it the teacher's own lab leaves out: every student's lab pulls it.
        shop = settings.shop
        exercises = (settings.tutorial.hello_nginx_image, settings.rollouts.example.image)
        for image in (*exercises, shop.mysql.image, shop.siege.image):
            platform.images.pulled(image)


def share(settings: Settings, stack: str, platform: Platform) -> pulumi.Inputs:
    """Declare one student's share of a cluster: the course, in namespaces of the student's own."""
    cluster_opts = ResourceOptions(providers=[platform.provider])
    host = students.host(settings.student.id)

    student = Student("student", StudentArgs.from_settings(settings), cluster_opts)
    made: list[pulumi.Resource] = [student]
    chapter = TutorialArgs.from_settings(settings, platform, namespace=student.tutorial, host=host)
    tutorial = Tutorial("tutorial", chapter, cluster_opts)
    example = settings.rollouts.example
    if settings.rollouts.enabled and example.enabled:
        image = platform.images.pulled(example.image)
        args = ExampleArgs(
            canary=example.canary, image=image.image, namespace=student.default, depends_on=image.depends_on
        )
        made.append(Example("example", args, cluster_opts))
    if settings.shop.enabled:
        shop = ShopArgs(
            settings=settings.shop,
            platform=platform,
            tutorial=tutorial.namespace if settings.tutorial.shop else None,
            default=student.default,
            namespace=student.shop,
            delivery=settings.rollouts.delivery,
        )
        made.append(Shop("shop", shop, cluster_opts))
    traffic = Traffic("traffic", TrafficArgs(settings=settings.traffic, namespace=tutorial.namespace), cluster_opts)
    counts = StudentObjectCountsArgs(namespaces=student.namespaces, depends_on=[*made, tutorial, traffic])
    StudentObjectCounts("object-counts", counts, cluster_opts)

    return {
        tags.OUTPUT: settings.tags(stack),
        "namespaces": [namespace.name for namespace in student.namespaces],
        "bookinfoUrl": f"http://{host}/productpage",
        "ingress": platform.ingress.address,
        # No name server knows the host; everybody who reaches the gateway can say it.
        "bookinfoCommand": pulumi.Output.format(
            "curl --header 'Host: {}' http://{}/productpage", host, platform.ingress.address
        ),
    }
