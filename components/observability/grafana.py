"""Grafana: Istio's addon with a login, data sources that know each other, and the course's dashboards."""

from __future__ import annotations

import configparser
import io
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.addon import NAMESPACE, Addon, Content, Files, Page
from components.common.exposure import PRIVATE, Exposure
from components.observability.storage import store
from components.password import Password
from lab.manifests import Manifest, Object, configuration, merge, named, roll_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.common.addon import Surroundings
    from components.common.volumes import Volumes

_ADMIN = "grafana"
"""The Secret with the login."""

_PASSWORD_LENGTH = 24

_ISTIO = ("istio-grafana-dashboards", "istio-services-grafana-dashboards")
"""The addon's ConfigMaps of dashboards."""

_LAB = "lab-grafana-dashboards"
"""The ConfigMap with the dashboards that the lab adds."""


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """What Grafana needs to know.

    Attributes:
        manifest: the pinned addon.
        dashboards: the JSON texts of the dashboards beside Istio's, by file name.
        anonymous_viewer: whether everybody who reaches it may look without a login.
        prometheus: whether Prometheus is there.
        loki: whether Loki is there.
        tracing: whether Jaeger is there.
        exposure: who reaches it from outside.
        volumes: None keeps what people change in it in its Pod.
    """

    manifest: Path
    dashboards: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    anonymous_viewer: bool = False
    prometheus: bool = True
    loki: bool = True
    tracing: bool = True
    exposure: Exposure = PRIVATE
    volumes: Volumes | None = None


class Grafana(Addon):
    """Dashboards for metrics, logs and traces."""

    def __init__(self, name: str, args: GrafanaArgs, surroundings: Surroundings, opts: ResourceOptions) -> None:
        super().__init__("istio-lab:observability:Grafana", name, compose(args), surroundings, opts)
        password = Password("grafana-password", _PASSWORD_LENGTH, ResourceOptions(parent=self))
        k8s.core.v1.Secret(
            _ADMIN,
            metadata={"name": _ADMIN, "namespace": NAMESPACE},
            string_data={"admin-user": "admin", "admin-password": password.value},
            opts=ResourceOptions(parent=self, depends_on=list(surroundings.after)),
        )


def compose(args: GrafanaArgs) -> Content:
    """Its Kubernetes objects and its dashboards."""
    manifest = Manifest(args.manifest)
    files = [Files(config_map=name, content=manifest.drop("ConfigMap", name)["data"]) for name in _ISTIO]
    config = manifest.one("ConfigMap", "grafana")
    config["data"]["grafana.ini"] = _ini(config["data"]["grafana.ini"])
    with configuration(config, "datasources.yaml") as provisioning:
        provisioning["datasources"] = _data_sources(args)
    deployment = manifest.one("Deployment", "grafana")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    if args.dashboards:
        files.append(Files(config_map=_LAB, content=args.dashboards))
        with configuration(config, "dashboardproviders.yaml") as provisioning:
            _add_provider(provisioning["providers"], pod, container)
    _login(container["env"], anonymous_viewer=args.anonymous_viewer)
    container["resources"] = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    if args.volumes:
        # The image runs as this user, to whom a new volume does not belong.
        pod["securityContext"] = {"fsGroup": 472}
    store(manifest, deployment, "storage", args.volumes)
    roll_with(deployment, config)
    service = manifest.one("Service", "grafana")
    # Istio tells a port's protocol by its name.
    service["spec"]["ports"][0]["name"] = "http"
    args.exposure.apply(service)
    page = Page(service="grafana", port=3000) if args.exposure.public else None
    return Content(objects=manifest.objects, files=files, page=page)


def _ini(text: str) -> str:
    """Grafana's main configuration, without calls home."""
    ini = configparser.RawConfigParser()
    ini.read_string(text)
    ini.read_dict(
        {"analytics": {"check_for_updates": "false", "check_for_plugin_updates": "false", "reporting_enabled": "false"}}
    )
    out = io.StringIO()
    ini.write(out)
    return out.getvalue()


def _data_sources(args: GrafanaArgs) -> list[Object]:
    """Those that are there, each with links to the others: from a log line to its trace, and back."""
    sources: list[Object] = []
    if args.prometheus:
        exemplars = [{"name": "trace_id", "datasourceUid": "jaeger"}] if args.tracing else []
        sources.append(
            _source(
                "prometheus",
                "Prometheus",
                "http://prometheus:9090",
                {"timeInterval": "15s", "httpMethod": "POST", "exemplarTraceIdDestinations": exemplars},
                default=True,
            )
        )
    if args.loki:
        # The collector puts the trace of a line beside it; `$${` is Grafana's way of writing `${` in these files.
        trace = {
            "name": "trace_id",
            "matcherType": "label",
            "matcherRegex": "trace_id",
            "datasourceUid": "jaeger",
            "url": "$${__value.raw}",
            "urlDisplayLabel": "Trace",
        }
        sources.append(_source("loki", "Loki", "http://loki:3100", {"derivedFields": [trace] if args.tracing else []}))
    if args.tracing:
        logs = {
            "datasourceUid": "loki",
            "customQuery": True,
            "query": '{namespace=~".+"} | trace_id="$${__trace.traceId}"',
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
        }
        sources.append(
            _source("jaeger", "Jaeger", "http://tracing/jaeger", {"tracesToLogsV2": logs} if args.loki else {})
        )
    return sources


def _source(uid: str, name: str, url: str, json_data: Object, *, default: bool = False) -> Object:
    return {
        "uid": uid,
        "name": name,
        "type": uid,
        "access": "proxy",
        "url": url,
        "isDefault": default,
        # People may not change what the next Pod would have lost.
        "editable": False,
        "jsonData": json_data,
    }


def _add_provider(providers: list[Object], pod: Object, container: Object) -> None:
    """Have the lab's dashboards beside Istio's, in a folder of their own."""
    path = "/var/lib/grafana/dashboards/lab"
    providers.append(
        {"name": "lab", "orgId": 1, "folder": "lab", "type": "file", "disableDeletion": True, "options": {"path": path}}
    )
    pod["volumes"].append({"name": _LAB, "configMap": {"name": _LAB}})
    container["volumeMounts"].append({"name": _LAB, "mountPath": path, "readOnly": True})


def _login(env: list[Object], *, anonymous_viewer: bool) -> None:
    """Ask for the generated password, where the addon lets everybody in as an administrator."""
    for name, key in (("GF_SECURITY_ADMIN_USER", "admin-user"), ("GF_SECURITY_ADMIN_PASSWORD", "admin-password")):
        entry = named(env, name)
        merge(entry, {"value": None, "valueFrom": {"secretKeyRef": {"name": _ADMIN, "key": key}}})
    named(env, "GF_AUTH_ANONYMOUS_ENABLED")["value"] = str(anonymous_viewer).lower()
    named(env, "GF_AUTH_ANONYMOUS_ORG_ROLE")["value"] = "Viewer"
    named(env, "GF_AUTH_BASIC_ENABLED")["value"] = "true"
