"""Who reaches a tool: nobody outside the cluster, unless a setting names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.manifests import merge

if TYPE_CHECKING:
    from lab.manifests import Object


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Who reaches a tool from outside the cluster.

    Attributes:
        source_ranges: IPv4 ranges that may; empty for nobody.
    """

    source_ranges: tuple[str, ...] = ()

    @property
    def public(self) -> bool:
        """Whether it has an address outside the cluster."""
        return bool(self.source_ranges)

    def apply(self, service: Object) -> None:
        """Give a Service the type and the ranges, in place."""
        merge(service["spec"], {"type": "LoadBalancer" if self.public else "ClusterIP"})
        if self.public:
            merge(service["spec"], {"loadBalancerSourceRanges": list(self.source_ranges)})


PRIVATE = Exposure()
"""Only reached from inside the cluster, or through `lab open`."""
