"""Istio by Helm: base, istiod, then the gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

from components.common import load_balancer
from components.mesh import values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from components.platform.base import Platform

NAMESPACE = "istio-system"
INGRESS = "istio-ingressgateway"
EGRESS = "istio-egressgateway"

_TIMEOUT = 300
"""Seconds for a release to be ready: what `istioctl install` waits. Pulling images on new nodes takes most of it."""


@dataclass(frozen=True, kw_only=True)
class IstioCharts:
    """Where the pinned charts are."""

    base: Path
    istiod: Path
    gateway: Path


@dataclass(frozen=True, kw_only=True)
class IstioArgs:
    """What the mesh needs to know.

    Attributes:
        charts: the pinned charts.
        version: tag of Istio's images.
        hub: image repository prefix.
        access_log: whether proxies write access logs.
        tracing: whether there is a Jaeger to send spans to.
        trace_sampling: per cent of requests that are traced.
        egress_gateway: whether there is an egress gateway, as in the demo profile.
    """

    charts: IstioCharts
    version: str
    hub: str
    access_log: bool
    tracing: bool
    trace_sampling: float
    egress_gateway: bool


class Istio(pulumi.ComponentResource):
    """The mesh of the course: demo profile, ingress and egress gateway, telemetry of the whole mesh.

    Attributes:
        namespace: where it is.
        ready: depend on this for Pods to be injected and mesh objects to be validated.
        ingress_address: host or address of the ingress gateway: the load balancer's where there is one, else the
            Service's inside the cluster.
    """

    namespace: k8s.core.v1.Namespace
    ready: list[pulumi.Resource]
    ingress_address: pulumi.Output[str]

    def __init__(self, name: str, args: IstioArgs, platform: Platform, opts: ResourceOptions | None = None) -> None:
        super().__init__("istio-lab:mesh:Istio", name, None, opts)
        self.namespace = k8s.core.v1.Namespace(
            NAMESPACE,
            metadata={"name": NAMESPACE},
            opts=ResourceOptions(parent=self, hooks=platform.hooks),
        )
        # Helm looks only every two seconds whether Pods are ready, and simulated ones are ready at once.
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
        self.ready = platform.serving(base, istiod)
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
        address = load_balancer.address(INGRESS, ingress, ResourceOptions(parent=self))
        self.ingress_address = platform.ingress.address or address
        self.register_outputs({})

    def _release(
        self, name: str, chart: Path, chart_values: values.Values, after: Sequence[pulumi.Resource]
    ) -> k8s.helm.v3.Release:
        return k8s.helm.v3.Release(
            name,
            name=name,
            chart=str(chart),
            namespace=NAMESPACE,
            values=chart_values,
            atomic=self._await_pods,
            skip_await=not self._await_pods,
            # The API server checks the same objects again, a second of work sooner.
            disable_openapi_validation=True,
            timeout=_TIMEOUT,
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _telemetry(self, args: IstioArgs) -> None:
        """Access log and spans for the whole mesh: without this object no span leaves a proxy."""
        access_log = [{"providers": [{"name": "envoy"}], "disabled": not args.access_log}]
        # Proxies that send spans to a Service that is not there complain of every single one.
        tracing = (
            [{"providers": [{"name": values.JAEGER}], "randomSamplingPercentage": args.trace_sampling}]
            if args.tracing
            else [{"disableSpanReporting": True}]
        )
        k8s.apiextensions.CustomResource(
            "mesh-default",
            api_version="telemetry.istio.io/v1",
            kind="Telemetry",
            metadata={"name": "mesh-default", "namespace": NAMESPACE},
            spec={"accessLogging": access_log, "tracing": tracing},
            opts=ResourceOptions(parent=self, depends_on=self.ready),
        )
