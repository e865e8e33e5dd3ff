"""Argo Rollouts: its CRDs, controller and dashboard, from its own pinned manifests, as one Helm release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common.addon import Addon, Content
from lab import versions
from lab.manifests import Manifest, merge, named

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi import ResourceOptions

    from components.common.addon import Surroundings
    from lab.manifests import Object

NAMESPACE = "argo-rollouts"
"""As in the notes."""

_NAME, _METRICS, _DASHBOARD = "argo-rollouts", "argo-rollouts-metrics", "argo-rollouts-dashboard"
_HUB = "quay.io/argoproj"
_NOTIFICATIONS = "argo-rollouts-notification-secret"
_RESTRICTED = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}


@dataclass(frozen=True, kw_only=True)
class RolloutsManifests:
    """Where Argo Rollouts comes from.

    Attributes:
        install: the pinned `install.yaml`.
        dashboard: the pinned `dashboard-install.yaml`.
    """

    install: Path
    dashboard: Path


class ArgoRollouts(Addon):
    """The controller that carries out Rollouts, and its page."""

    def __init__(self, name: str, files: RolloutsManifests, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:delivery:ArgoRollouts", name, compose(files), surroundings, opts)


def compose(files: RolloutsManifests) -> Content:
    """What it consists of; the manifests name `latest`, which is another image tomorrow."""
    install, dashboard = Manifest(files.install), Manifest(files.dashboard)
    # Nothing of the lab sends notifications, and the controller does without.
    install.drop("Secret", _NOTIFICATIONS)
    objects = [*install.objects, *dashboard.objects]
    for each in objects:
        if not each["kind"].startswith("Cluster"):
            merge(each, {"metadata": {"namespace": NAMESPACE}})
    for manifest, service in ((install, _METRICS), (dashboard, _DASHBOARD)):
        for port in manifest.one("Service", service)["spec"]["ports"]:
            # Istio tells a port's protocol by the beginning of its name.
            port["name"] = f"http-{port['name']}" if "name" in port else "http"
    _pin(install.one("Deployment", _NAME), _NAME, "argo-rollouts")
    page = dashboard.one("Deployment", _DASHBOARD)
    _pin(page, _DASHBOARD, "kubectl-argo-rollouts")
    merge(page, {"spec": {"template": {"spec": _RESTRICTED}}})
    return Content(objects=objects, definitions={"definitions.yaml": install.definitions})


def _pin(workload: Object, container: str, image: str) -> None:
    merge(
        named(workload["spec"]["template"]["spec"]["containers"], container),
        {"image": f"{_HUB}/{image}:v{versions.ARGO_ROLLOUTS}", "imagePullPolicy": "IfNotPresent"},
    )
