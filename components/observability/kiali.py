"""Kiali: Istio's addon, wired to Prometheus, Grafana and Jaeger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.addon import NAMESPACE, Addon, Content, Page
from components.common.exposure import PRIVATE, Exposure
from components.password import Password
from lab.manifests import Manifest, Object, configuration, merge, roll_with

if TYPE_CHECKING:
    from pathlib import Path

    from components.common.addon import Surroundings

_SIGNING_KEY = "kiali-signing-key"
_SIGNING_KEY_LENGTH = 32
"""Kiali takes 16, 24 or 32 characters."""

_OVERRIDES = "/kiali-override-secrets"
"""Where Kiali looks for what its configuration calls `secret:<name>:<key>`: `<what>/value.txt` in this folder."""


@dataclass(frozen=True, kw_only=True)
class KialiArgs:
    """What Kiali needs to know.

    Attributes:
        manifest: the pinned addon.
        auth: how people log in: `anonymous` or `token`.
        prometheus: whether Prometheus is there.
        grafana: whether Grafana is there.
        tracing: whether Jaeger is there.
        exposure: who reaches it from outside.
    """

    manifest: Path
    auth: str
    prometheus: bool = True
    grafana: bool = True
    tracing: bool = True
    exposure: Exposure = PRIVATE


class Kiali(Addon):
    """The picture of the mesh."""

    def __init__(self, name: str, args: KialiArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Kiali", name, compose(args), surroundings, opts)
        key = Password(_SIGNING_KEY, _SIGNING_KEY_LENGTH, ResourceOptions(parent=self))
        k8s.core.v1.Secret(
            _SIGNING_KEY,
            metadata={"name": _SIGNING_KEY, "namespace": NAMESPACE},
            string_data={"key": key.value},
            opts=ResourceOptions(parent=self, depends_on=list(surroundings.after)),
        )


def compose(args: KialiArgs) -> Content:
    """What it consists of."""
    manifest = Manifest(args.manifest)
    config = manifest.one("ConfigMap", "kiali")
    with configuration(config, "config.yaml") as kiali:
        merge(kiali, {"auth": {"strategy": args.auth}, "login_token": {"signing_key": f"secret:{_SIGNING_KEY}:key"}})
        merge(kiali["external_services"], _external_services(args))
    deployment = manifest.one("Deployment", "kiali")
    _mount(deployment, "login-token-signing-key", secret=_SIGNING_KEY, key="key")
    if args.grafana:
        _mount(deployment, "grafana-password", secret="grafana", key="admin-password")  # noqa: S106 - a Secret's name
    roll_with(deployment, config)
    args.exposure.apply(manifest.one("Service", "kiali"))
    page = Page(service="kiali", port=20001, path="/kiali") if args.exposure.public else None
    return Content(objects=manifest.objects, page=page)


def _external_services(args: KialiArgs) -> Object:
    return {
        "prometheus": {"enabled": args.prometheus, "url": f"http://prometheus.{NAMESPACE}:9090"},
        "grafana": {
            "enabled": args.grafana,
            "internal_url": f"http://grafana.{NAMESPACE}:3000",
            "auth": {"type": "basic", "username": "admin", "password": "secret:grafana:admin-password"},
        }
        if args.grafana
        else {"enabled": False},
        "tracing": {
            "enabled": args.tracing,
            "provider": "jaeger",
            "internal_url": f"http://tracing.{NAMESPACE}/jaeger",
            "use_grpc": False,
        },
    }


def _mount(deployment: Object, what: str, *, secret: str, key: str) -> None:
    """Let Kiali read a part of its configuration from a Secret."""
    pod = deployment["spec"]["template"]["spec"]
    items = [{"key": key, "path": "value.txt"}]
    pod["volumes"].append({"name": what, "secret": {"secretName": secret, "items": items}})
    pod["containers"][0]["volumeMounts"].append({"name": what, "mountPath": f"{_OVERRIDES}/{what}", "readOnly": True})
