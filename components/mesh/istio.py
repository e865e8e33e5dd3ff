"""Istio by Helm: base, istiod, then the gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common.exposure import service_addresses
from components.mesh import values
from lab.core.namespaces import ISTIO_SYSTEM
from lab.toolchain import charts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.platform.base import Platform
    from lab.settings import Settings

INGRESS = "istio-ingressgateway"
EGRESS = "istio-egressgateway"

_TIMEOUT = 300
"""Seconds for a release to become ready, as in `istioctl install`; most of it is pulling images on new nodes."""


@dataclass(frozen=True, kw_only=True)
class IstioCharts:
    """Paths of the pinned charts."""

    base: Path
    istiod: Path
    gateway: Path


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """Arguments of the mesh; `trace_sampling` is the percentage of requests that are traced."""

    platform: Platform
    charts: IstioCharts
    version: str
    hub: str
    access_log: bool
    tracing: bool
    trace_sampling: float
    egress_gateway: bool

    @classmethod
    def from_settings(cls, settings: Settings, platform: Platform) -> IstioArgs:
        """Return the arguments that the settings ask for."""
        return cls(
            platform=platform,
            charts=IstioCharts(
                base=charts.of_istio("istio-base"),
                istiod=charts.of_istio("istiod"),
                gateway=charts.of_istio("istio-gateway"),
            ),
            version=settings.istio_version,
            hub=settings.istio_hub,
            access_log=settings.mesh.access_log,
            tracing=settings.observability.tracing.enabled,
            trace_sampling=settings.mesh.trace_sampling,
            egress_gateway=settings.mesh.egress_gateway,
        )


class Istio(pulumi.ComponentResource):
    """The mesh of the course: demo profile, ingress and egress gateway, mesh-wide telemetry.

    Attributes:
        namespace: `istio-system`.
        ready: what to depend on for Pods to be injected and mesh objects to be validated.
        ingress_address: host or address of the ingress gateway: of its load balancer, else inside the cluster.
        public_address: the same, empty where nobody outside the cluster reaches it.
    """

    namespace: k8s.core.v1.Namespace
    ready: list[pulumi.Resource]
    ingress_address: pulumi.Output[str]
    public_address: pulumi.Output[str]

    def __init__(self, name: str, args: IstioArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:mesh:Istio", name, None, opts)
        platform = args.platform
        self.namespace = k8s.core.v1.Namespace(
            ISTIO_SYSTEM, metadata={"name": ISTIO_SYSTEM}, opts=ResourceOptions(parent=self)
        )
        # Helm polls every two seconds for ready Pods, and simulated Pods are ready at once.
        self._await_pods = platform.capabilities.runs_containers
        base = self._release("istio-base", args.charts.base, values.base(platform.webhooks), [self.namespace])
        istiod = self._release(
            "istiod",
            args.charts.istiod,
            values.istiod(
                hub=args.hub,
                version=args.version,
                access_log=args.access_log,
                trace_sampling=args.trace_sampling,
                webhooks=platform.webhooks,
                istio_proxies=platform.capabilities.runs_containers,
            ),
            [base],
        )
        self.ready = platform.istiod_ready(istiod)
        service_type = "LoadBalancer" if platform.capabilities.load_balancers else "ClusterIP"
        ingress = self._release(
            INGRESS,
            args.charts.gateway,
            values.ingress_gateway(service_type=service_type, ingress=platform.ingress),
            self.ready,
        )
        if args.egress_gateway:
            self._release(EGRESS, args.charts.gateway, values.egress_gateway(), self.ready)
        self._telemetry(args)
        found = service_addresses(INGRESS, ingress, ResourceOptions(parent=self))
        self.ingress_address = platform.ingress.address or found.address
        self.public_address = platform.ingress.address or found.public
        self.register_outputs({})

    def _release(
        self, name: str, chart: Path, chart_values: values.Values, depends_on: Sequence[pulumi.Resource]
    ) -> k8s.helm.v3.Release:
        return k8s.helm.v3.Release(
            name,
            name=name,
            chart=str(chart),
            namespace=ISTIO_SYSTEM,
            values=chart_values,
            atomic=self._await_pods,
            skip_await=not self._await_pods,
            # The API server validates the same objects; this saves a second.
            disable_openapi_validation=True,
            timeout=_TIMEOUT,
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )

    def _telemetry(self, args: IstioArgs) -> None:
        """Configure access logs and tracing of the whole mesh; without this object no proxy sends a span."""
        access_log = [{"providers": [{"name": "envoy"}], "disabled": not args.access_log}]
        # Proxies log an error for each span that they cannot send.
        tracing = (
            [{"providers": [{"name": values.JAEGER}], "randomSamplingPercentage": args.trace_sampling}]
            if args.tracing
            else [{"disableSpanReporting": True}]
        )
        k8s.apiextensions.CustomResource(
            "mesh-default",
            api_version="telemetry.istio.io/v1",
            kind="Telemetry",
            metadata={"name": "mesh-default", "namespace": ISTIO_SYSTEM},
            spec={"accessLogging": access_log, "tracing": tracing},
            opts=ResourceOptions(parent=self, depends_on=self.ready),
        )
