"""Argo Rollouts: its CRDs, controller and dashboard, from its own pinned manifests, as one Helm release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.common import network
from components.common.addon import Addon, AddonArgs, AddonManifests
from lab.core import versions
from lab.core.manifests import Manifest, merge, named
from lab.core.namespaces import ARGO_ROLLOUTS

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi import ResourceOptions

    from lab.core.manifests import Object

"""As in the handout."""

_NAME, _METRICS, _DASHBOARD = "argo-rollouts", "argo-rollouts-metrics", "argo-rollouts-dashboard"
_METRICS_PORT = 8090
_HUB = "quay.io/argoproj"
_NOTIFICATIONS = "argo-rollouts-notification-secret"
_RESTRICTED = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}


@dataclass(frozen=True, kw_only=True)
class RolloutsManifests:
    """Paths of the pinned `install.yaml` and `dashboard-install.yaml`."""

    install: Path
    dashboard: Path


@dataclass(frozen=True, kw_only=True)
class ArgoRolloutsArgs(AddonArgs):
    """Arguments of Argo Rollouts."""

    manifests: RolloutsManifests


class ArgoRollouts(Addon):
    """The controller of Rollouts, and its dashboard."""

    def __init__(self, name: str, args: ArgoRolloutsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:delivery:ArgoRollouts", name, compose(args.manifests), args.context, opts)


def compose(files: RolloutsManifests) -> AddonManifests:
    """Return its objects, with pinned images: the manifests name `latest`."""
    install, dashboard = Manifest(files.install), Manifest(files.dashboard)
    # The lab sends no notifications, and the controller does not need it.
    install.drop("Secret", _NOTIFICATIONS)
    objects = [*install.objects, *dashboard.objects]
    for each in objects:
        if not each["kind"].startswith("Cluster"):
            merge(each, {"metadata": {"namespace": ARGO_ROLLOUTS}})
    for manifest, service in ((install, _METRICS), (dashboard, _DASHBOARD)):
        for port in manifest.one("Service", service)["spec"]["ports"]:
            # Istio reads a port's protocol from the beginning of its name.
            port["name"] = f"http-{port['name']}" if "name" in port else "http"
    _pin(install.one("Deployment", _NAME), _NAME, "argo-rollouts")
    page = dashboard.one("Deployment", _DASHBOARD)
    _pin(page, _DASHBOARD, "kubectl-argo-rollouts")
    merge(page, {"spec": {"template": {"spec": _RESTRICTED}}})
    objects.append(_network())
    return AddonManifests(objects=objects, definitions={"definitions.yaml": install.definitions})


def _network() -> Object:
    """Return a NetworkPolicy for the namespace: Prometheus asks the controller, and nobody the dashboard.

    The dashboard has no login and may change every Rollout. The controller asks addresses that an analysis names.
    """
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": _NAME, "namespace": ARGO_ROLLOUTS},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [network.admit([_METRICS_PORT], network.tool("prometheus"))],
            "egress": network.outside_metadata(),
        },
    }


def _pin(workload: Object, container: str, image: str) -> None:
    merge(
        named(workload["spec"]["template"]["spec"]["containers"], container),
        {"image": f"{_HUB}/{image}:v{versions.ARGO_ROLLOUTS}", "imagePullPolicy": "IfNotPresent"},
    )
