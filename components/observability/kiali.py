"""Kiali: Istio's addon, wired to Prometheus, Grafana and Jaeger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import network
from components.common.addon import Addon, AddonManifests, ToolArgs
from components.password import Password
from lab.core.manifests import Manifest, Object, configuration, merge, roll_with
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNING_KEY = "kiali-signing-key"
_SIGNING_KEY_LENGTH = 32
"""Kiali accepts 16, 24 or 32 characters."""

_PORT, _METRICS = 20001, 9090
_LOOK = ("get", "list", "watch")

_OVERRIDES = "/kiali-override-secrets"
"""The folder of values that Kiali's configuration names as `secret:<name>:<key>`, each in `<what>/value.txt`."""


@dataclass(frozen=True, kw_only=True)
class KialiArgs(ToolArgs):
    """Arguments of Kiali: the login (`anonymous` or `token`), its rights, and which other addons are installed."""

    auth: str
    view_only: bool = False
    prometheus: bool = True
    grafana: bool = True
    tracing: bool = True


class Kiali(Addon):
    """The service graph of the mesh."""

    def __init__(self, name: str, args: KialiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Kiali", name, compose(args), args.context, opts)
        key = Password(_SIGNING_KEY, _SIGNING_KEY_LENGTH, ResourceOptions(parent=self))
        k8s.core.v1.Secret(
            _SIGNING_KEY,
            metadata={"name": _SIGNING_KEY, "namespace": ISTIO_SYSTEM},
            string_data={"key": key.value},
            opts=ResourceOptions(parent=self, depends_on=list(args.context.depends_on)),
        )


def compose(args: KialiArgs) -> AddonManifests:
    """Return its objects."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "kiali")
    with configuration(config, "config.yaml") as kiali:
        merge(
            kiali,
            {
                "auth": {"strategy": args.auth},
                "deployment": {"view_only_mode": args.view_only},
                "login_token": {"signing_key": f"secret:{_SIGNING_KEY}:key"},
            },
        )
        merge(kiali["external_services"], _external_services(args))
    deployment = manifest.one("Deployment", "kiali")
    _mount(deployment, "login-token-signing-key", secret=_SIGNING_KEY, key="key")
    if args.grafana:
        _mount(deployment, "grafana-password", secret="grafana", key="admin-password")  # noqa: S106 - a Secret's name
    roll_with(deployment, config)
    endpoint = args.exposure.publish(manifest.one("Service", "kiali"), port=_PORT, path="/kiali")
    if args.view_only:
        _look_only(manifest.objects)
    guard = network.guard(
        deployment,
        network.admit([_METRICS], network.tool("prometheus")),
        *([network.admit([_PORT])] if args.exposure.public else []),
    )
    return AddonManifests(objects=[*manifest.objects, guard], endpoint=endpoint)


def _look_only(objects: Sequence[Object]) -> None:
    """Take the rights to change what can be seen away from ClusterRoles in place."""
    for rule in (rule for each in objects if each["kind"] == "ClusterRole" for rule in each["rules"]):
        if set(_LOOK) & set(rule["verbs"]):
            rule["verbs"] = [verb for verb in rule["verbs"] if verb in _LOOK]


def _external_services(args: KialiArgs) -> Object:
    return {
        "prometheus": {"enabled": args.prometheus, "url": f"http://prometheus.{ISTIO_SYSTEM}:9090"},
        "grafana": {
            "enabled": args.grafana,
            "internal_url": f"http://grafana.{ISTIO_SYSTEM}:3000",
            "auth": {"type": "basic", "username": "admin", "password": "secret:grafana:admin-password"},
        }
        if args.grafana
        else {"enabled": False},
        "tracing": {
            "enabled": args.tracing,
            "provider": "jaeger",
            "internal_url": f"http://tracing.{ISTIO_SYSTEM}/jaeger",
            "use_grpc": False,
        },
    }


def _mount(deployment: Object, what: str, *, secret: str, key: str) -> None:
    """Mount a Secret that holds the part of Kiali's configuration called `what`."""
    pod = deployment["spec"]["template"]["spec"]
    items = [{"key": key, "path": "value.txt"}]
    pod["volumes"].append({"name": what, "secret": {"secretName": secret, "items": items}})
    pod["containers"][0]["volumeMounts"].append({"name": what, "mountPath": f"{_OVERRIDES}/{what}", "readOnly": True})
