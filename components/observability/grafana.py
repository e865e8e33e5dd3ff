"""Grafana: Istio's addon with a login, linked data sources, and the course's dashboards."""

from __future__ import annotations

import configparser
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import network
from components.common.addon import Addon, AddonManifests, ConfigMapFiles, ToolArgs
from components.common.volumes import store
from components.password import Password
from lab.core.manifests import Manifest, Object, configuration, merge, named, roll_with
from lab.core.namespaces import ISTIO_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.common.volumes import Volumes

_ADMIN = "grafana"
"""The Secret of the login."""

_PASSWORD_LENGTH = 24
_PORT = 3000

_ISTIO = ("istio-grafana-dashboards", "istio-services-grafana-dashboards")
"""The addon's ConfigMaps of dashboards."""

_LAB = "lab-grafana-dashboards"
"""The ConfigMap with the dashboards that the lab adds."""


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs(ToolArgs):
    """Arguments of Grafana.

    Attributes:
        dashboards: JSON of the dashboards besides Istio's, by file name.
        anonymous_viewer: whether everybody who reaches it may look without a login.
        prometheus, loki, tracing: whether they are installed.
        volumes: None keeps people's changes in the Pod.
    """

    dashboards: Mapping[str, str] = field(default_factory=dict)
    anonymous_viewer: bool = False
    prometheus: bool = True
    loki: bool = True
    tracing: bool = True
    volumes: Volumes | None = None


class Grafana(Addon):
    """Dashboards for metrics, logs and traces."""

    def __init__(self, name: str, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Grafana", name, compose(args), args.context, opts)
        password = Password("grafana-password", _PASSWORD_LENGTH, ResourceOptions(parent=self))
        k8s.core.v1.Secret(
            _ADMIN,
            metadata={"name": _ADMIN, "namespace": ISTIO_SYSTEM},
            string_data={"admin-user": "admin", "admin-password": password.value},
            opts=ResourceOptions(parent=self, depends_on=list(args.context.depends_on)),
        )


def compose(args: GrafanaArgs) -> AddonManifests:
    """Return its objects and dashboards."""
    manifest = Manifest(args.manifest)
    files = [ConfigMapFiles(config_map=name, content=manifest.drop("ConfigMap", name)["data"]) for name in _ISTIO]
    config = manifest.one("ConfigMap", "grafana")
    config["data"]["grafana.ini"] = _ini(config["data"]["grafana.ini"])
    with configuration(config, "datasources.yaml") as provisioning:
        provisioning["datasources"] = _data_sources(args)
    deployment = manifest.one("Deployment", "grafana")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    if args.dashboards:
        files.append(ConfigMapFiles(config_map=_LAB, content=args.dashboards))
        with configuration(config, "dashboardproviders.yaml") as provisioning:
            _add_provider(provisioning["providers"], pod, container)
    _login(container["env"], anonymous_viewer=args.anonymous_viewer)
    container["resources"] = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    if args.volumes:
        # The user that the image runs as, who does not own a new volume.
        pod["securityContext"] = {"fsGroup": 472}
    store(manifest, deployment, "storage", args.volumes)
    roll_with(deployment, config)
    service = manifest.one("Service", "grafana")
    # Istio reads a port's protocol from its name.
    service["spec"]["ports"][0]["name"] = "http"
    endpoint = args.exposure.publish(service, port=_PORT)
    guard = network.guard(
        deployment,
        network.admit([_PORT], network.tool("kiali"), network.tool("prometheus")),
        *([network.admit([_PORT])] if args.exposure.public else []),
    )
    return AddonManifests(objects=[*manifest.objects, guard], files=files, endpoint=endpoint)


def _ini(text: str) -> str:
    """Return Grafana's main configuration without calls home."""
    ini = configparser.RawConfigParser()
    ini.read_string(text)
    ini.read_dict(
        {"analytics": {"check_for_updates": "false", "check_for_plugin_updates": "false", "reporting_enabled": "false"}}
    )
    out = io.StringIO()
    ini.write(out)
    return out.getvalue()


def _data_sources(args: GrafanaArgs) -> list[Object]:
    """Return the installed data sources, linked from log line to trace and back."""
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
        # The collector stores a line's trace id as metadata. In these files Grafana reads `$${` as `${`.
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
        # A change would be lost with the Pod.
        "editable": False,
        "jsonData": json_data,
    }


def _add_provider(providers: list[Object], pod: Object, container: Object) -> None:
    """Add the lab's dashboards in a folder of their own."""
    path = "/var/lib/grafana/dashboards/lab"
    providers.append(
        {"name": "lab", "orgId": 1, "folder": "lab", "type": "file", "disableDeletion": True, "options": {"path": path}}
    )
    pod["volumes"].append({"name": _LAB, "configMap": {"name": _LAB}})
    container["volumeMounts"].append({"name": _LAB, "mountPath": path, "readOnly": True})


def _login(env: list[Object], *, anonymous_viewer: bool) -> None:
    """Require the generated password; the addon makes everybody an administrator."""
    for name, key in (("GF_SECURITY_ADMIN_USER", "admin-user"), ("GF_SECURITY_ADMIN_PASSWORD", "admin-password")):
        entry = named(env, name)
        merge(entry, {"value": None, "valueFrom": {"secretKeyRef": {"name": _ADMIN, "key": key}}})
    named(env, "GF_AUTH_ANONYMOUS_ENABLED")["value"] = str(anonymous_viewer).lower()
    named(env, "GF_AUTH_ANONYMOUS_ORG_ROLE")["value"] = "Viewer"
    named(env, "GF_AUTH_BASIC_ENABLED")["value"] = "true"
