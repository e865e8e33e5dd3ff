"""Access from outside the cluster: load balancers for named addresses only, and the addresses that they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from lab.core.manifests import merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.platform.base import Capabilities
    from lab.core.manifests import Object

_HTTP = 80


@dataclass(frozen=True, kw_only=True)
class WebEndpoint:
    """A web page of a Service that has an address outside the cluster."""

    service: str
    port: int
    path: str = ""

    def url(self, release: k8s.helm.v3.Release, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """Return the URL of the page, once a release has made its Service."""
        port = "" if self.port == _HTTP else f":{self.port}"
        return pulumi.Output.concat("http://", service_address(self.service, release, opts), port, self.path)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """IPv4 ranges that may reach a Service from outside the cluster; empty for none."""

    source_ranges: tuple[str, ...] = ()

    @classmethod
    def wanted(cls, source_ranges: tuple[str, ...], *, public: bool, capabilities: Capabilities) -> Exposure:
        """Return the exposure that settings ask for; none where the cluster has no load balancers."""
        return cls(source_ranges=source_ranges) if public and capabilities.load_balancers else PRIVATE

    @property
    def public(self) -> bool:
        """Whether the Service has an address outside the cluster."""
        return bool(self.source_ranges)

    def apply(self, service: Object) -> None:
        """Set a Service's type and source ranges in place."""
        merge(service["spec"], {"type": "LoadBalancer" if self.public else "ClusterIP"})
        if self.public:
            merge(service["spec"], {"loadBalancerSourceRanges": list(self.source_ranges)})

    def publish(self, service: Object, port: int, path: str = "") -> WebEndpoint | None:
        """Apply the exposure to a Service in place and return its page, or None if it stays private."""
        self.apply(service)
        return WebEndpoint(service=service["metadata"]["name"], port=port, path=path) if self.public else None


PRIVATE = Exposure()
"""Reached only from inside the cluster, or through `lab open`."""


def service_address(service: str, release: k8s.helm.v3.Release, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return the address of a Service that a release makes: its load balancer's, else its cluster IP.

    Args:
        service: name of the Service, also its logical name.
        release: what makes the Service.
        opts: parent.
    """
    return service_addresses(service, release, opts).address


@dataclass(frozen=True, kw_only=True)
class ServiceAddresses:
    """Addresses of a Service: `public` of its load balancer, empty without one; `address` else its cluster IP."""

    public: pulumi.Output[str]
    address: pulumi.Output[str]


def service_addresses(service: str, release: k8s.helm.v3.Release, opts: pulumi.ResourceOptions) -> ServiceAddresses:
    """Return the addresses of a Service that a release makes; arguments as of `service_address`."""
    found = k8s.core.v1.Service.get(service, pulumi.Output.concat(release.status.namespace, "/", service), opts=opts)
    public = found.status.load_balancer.ingress.apply(_address)
    address = pulumi.Output.all(public, found.spec.cluster_ip).apply(lambda each: each[0] or each[1])
    return ServiceAddresses(public=public, address=address)


def _address(ingress: Sequence[Mapping[str, str]] | None) -> str:
    return (ingress[0].get("ip") or ingress[0]["hostname"]) if ingress else ""
