"""The observability addons, composed: which there are, what they know of each other, who reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import pulumi
from pulumi import ResourceOptions

from components.common.addon import AddonArgs, AddonContext
from components.common.exposure import Exposure
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
from lab.toolchain import artifacts
from lab.toolchain import dashboards as published

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from components.common.addon import Addon
    from components.platform.base import Platform
    from lab.settings import Settings, observability


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """Arguments of the observability addons.

    Attributes:
        directory: the stack's own on this machine.
        students: whether students work on the cluster.
    """

    settings: observability.Observability
    platform: Platform
    directory: Path
    depends_on: Sequence[pulumi.Resource]
    students: bool = False

    @classmethod
    def from_settings(
        cls, settings: Settings, platform: Platform, directory: Path, depends_on: Sequence[pulumi.Resource]
    ) -> ObservabilityArgs:
        """Return the arguments that the settings ask for."""
        return cls(
            settings=settings.observability,
            platform=platform,
            directory=directory,
            depends_on=depends_on,
            students=settings.student.works_here,
        )


class _Tool(TypedDict):
    """The arguments of a `ToolArgs`."""

    context: AddonContext
    manifest: Path
    exposure: Exposure


class Observability(pulumi.ComponentResource):
    """Metrics, dashboards, the service graph, traces and logs.

    Attributes:
        urls: pages with an address outside the cluster, by the name of the stack's output.
    """

    urls: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ObservabilityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:observability:Observability", name, None, opts)
        addons = {key: make() for key, (enabled, make) in _table(args, ResourceOptions(parent=self)).items() if enabled}
        self.urls = {f"{key}Url": addon.url for key, addon in addons.items() if addon.url}
        self.register_outputs({})


def _table(args: ObservabilityArgs, child_opts: ResourceOptions) -> dict[str, tuple[bool, Callable[[], Addon]]]:
    """Every addon by its key in outputs: whether it is enabled, and what makes it."""
    settings, capabilities = args.settings, args.platform.capabilities
    prometheus, grafana, kiali, loki = settings.prometheus, settings.grafana, settings.kiali, settings.loki
    context = AddonContext(
        capabilities=capabilities, depends_on=args.depends_on, directory=args.directory, images=args.platform.images
    )
    volumes = Volumes.wanted(settings.persistence, capabilities)
    present = {"prometheus": prometheus.enabled, "tracing": settings.tracing.enabled}

    def tool(name: str, chosen: observability.Tool) -> _Tool:
        exposure = Exposure.wanted(settings.source_ranges, public=chosen.public, capabilities=capabilities)
        return {"context": context, "manifest": artifacts.path(f"addon-{name}.yaml"), "exposure": exposure}

    return {
        "prometheus": (
            prometheus.enabled,
            lambda: Prometheus(
                "prometheus",
                PrometheusArgs(**tool("prometheus", prometheus), retention=prometheus.retention, volumes=volumes),
                child_opts,
            ),
        ),
        "kubeStateMetrics": (
            settings.kube_state_metrics.enabled,
            lambda: KubeStateMetrics("kube-state-metrics", AddonArgs(context=context), child_opts),
        ),
        "nodeExporter": (
            settings.node_exporter.enabled,
            lambda: NodeExporter("node-exporter", AddonArgs(context=context), child_opts),
        ),
        "grafana": (
            grafana.enabled,
            lambda: Grafana(
                "grafana",
                GrafanaArgs(
                    **tool("grafana", grafana),
                    **present,
                    loki=loki.enabled,
                    dashboards=dashboards.load(published.found() if grafana.kubernetes_dashboards else {}),
                    anonymous_viewer=grafana.anonymous_viewer,
                    volumes=volumes,
                ),
                child_opts,
            ),
        ),
        "kiali": (
            kiali.enabled,
            lambda: Kiali(
                "kiali",
                KialiArgs(
                    **tool("kiali", kiali),
                    **present,
                    grafana=grafana.enabled,
                    auth=kiali.login(students=args.students).value,
                    view_only=not kiali.edits(students=args.students),
                ),
                child_opts,
            ),
        ),
        "tracing": (
            settings.tracing.enabled,
            lambda: Jaeger("jaeger", JaegerArgs(**tool("jaeger", settings.tracing), volumes=volumes), child_opts),
        ),
        "loki": (
            loki.enabled,
            lambda: Loki("loki", LokiArgs(**tool("loki", loki), retention=loki.retention, volumes=volumes), child_opts),
        ),
        "logCollector": (
            loki.enabled and settings.log_collector.enabled,
            lambda: Collector("log-collector", CollectorArgs(context=context), child_opts),
        ),
    }
