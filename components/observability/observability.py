"""What watches the mesh, composed: which addons there are, what they know of each other, who reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions

from components.common.addon import Addon, Surroundings
from components.common.exposure import PRIVATE, Exposure
from components.common.volumes import Volumes
from components.observability import dashboards
from components.observability.collector import Collector, CollectorArgs
from components.observability.grafana import Grafana, GrafanaArgs
from components.observability.jaeger import Jaeger, JaegerArgs
from components.observability.kiali import Kiali, KialiArgs
from components.observability.kube_state_metrics import KubeStateMetrics
from components.observability.loki import Loki, LokiArgs
from components.observability.node_exporter import NodeExporter
from components.observability.prometheus import Prometheus, PrometheusArgs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.mesh.istio import Istio
    from components.platform.base import Platform
    from lab.settings import observability as settings


@dataclass(frozen=True, kw_only=True)
class Manifests:
    """Where the pinned addons are."""

    prometheus: Path
    grafana: Path
    kiali: Path
    jaeger: Path
    loki: Path


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """What there is to be.

    Attributes:
        manifests: the pinned addons.
        kubernetes_dashboards: the files of the course's dashboards that could be had, by their number on grafana.com.
        settings: which addons, and how.
        directory: the stack's own folder on this machine.
    """

    manifests: Manifests
    kubernetes_dashboards: Mapping[int, Path]
    settings: settings.Observability
    directory: Path


class Observability(pulumi.ComponentResource):
    """Metrics, dashboards, the picture of the mesh, traces and logs.

    Attributes:
        urls: the pages that can be reached from outside the cluster, by the name of the stack's output.
    """

    urls: Mapping[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: ObservabilityArgs, istio: Istio, platform: Platform, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("istio-lab:observability:Observability", name, None, opts)
        self._settings = args.settings
        self._capabilities = platform.capabilities
        chosen, manifests, inside = args.settings, args.manifests, ResourceOptions(parent=self)
        surroundings = Surroundings(
            capabilities=platform.capabilities, after=[istio.namespace], directory=args.directory
        )
        volumes = self._volumes()
        addons: dict[str, Addon] = {}
        if chosen.prometheus.enabled:
            addons["prometheus"] = Prometheus(
                "prometheus",
                PrometheusArgs(
                    manifest=manifests.prometheus,
                    retention=chosen.prometheus.retention,
                    exposure=self._exposure(chosen.prometheus),
                    volumes=volumes,
                ),
                surroundings,
                inside,
            )
        if chosen.kube_state_metrics.enabled:
            addons["kubeStateMetrics"] = KubeStateMetrics("kube-state-metrics", surroundings, inside)
        if chosen.node_exporter.enabled:
            addons["nodeExporter"] = NodeExporter("node-exporter", surroundings, inside)
        if chosen.grafana.enabled:
            addons["grafana"] = Grafana(
                "grafana",
                GrafanaArgs(
                    manifest=manifests.grafana,
                    dashboards=dashboards.load(
                        args.kubernetes_dashboards if chosen.grafana.kubernetes_dashboards else {}
                    ),
                    anonymous_viewer=chosen.grafana.anonymous_viewer,
                    prometheus=chosen.prometheus.enabled,
                    loki=chosen.loki.enabled,
                    tracing=chosen.tracing.enabled,
                    exposure=self._exposure(chosen.grafana),
                    volumes=volumes,
                ),
                surroundings,
                inside,
            )
        if chosen.kiali.enabled:
            addons["kiali"] = Kiali(
                "kiali",
                KialiArgs(
                    manifest=manifests.kiali,
                    auth=chosen.kiali.auth.value,
                    prometheus=chosen.prometheus.enabled,
                    grafana=chosen.grafana.enabled,
                    tracing=chosen.tracing.enabled,
                    exposure=self._exposure(chosen.kiali),
                ),
                surroundings,
                inside,
            )
        if chosen.tracing.enabled:
            addons["tracing"] = Jaeger(
                "jaeger",
                JaegerArgs(manifest=manifests.jaeger, exposure=self._exposure(chosen.tracing), volumes=volumes),
                surroundings,
                inside,
            )
        if chosen.loki.enabled:
            addons["loki"] = Loki(
                "loki",
                LokiArgs(
                    manifest=manifests.loki,
                    retention=chosen.loki.retention,
                    exposure=self._exposure(chosen.loki),
                    volumes=volumes,
                ),
                surroundings,
                inside,
            )
            if chosen.log_collector.enabled:
                addons["logCollector"] = Collector("log-collector", CollectorArgs(), surroundings, inside)
        self.urls = {f"{key}Url": addon.url for key, addon in addons.items() if addon.url}
        self.register_outputs({})

    def _volumes(self) -> Volumes | None:
        """What outlives Pods; nothing on simulated nodes, where a Pod would wait for its volume for ever."""
        persistence = self._settings.persistence
        if not persistence.enabled or not self._capabilities.runs_containers:
            return None
        return Volumes(size=persistence.size, storage_class=persistence.storage_class)

    def _exposure(self, tool: settings.Tool) -> Exposure:
        """Who reaches a tool; nobody where the cluster has no load balancers to give it an address."""
        public = tool.public and self._capabilities.load_balancers
        return Exposure(source_ranges=self._settings.source_ranges) if public else PRIVATE
