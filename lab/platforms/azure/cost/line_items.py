"""Line items of an Azure bill, without prices: what the components create, and what AKS creates for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.tags import PROJECT
from lab.platforms.azure.cost.prices import Kind, Meter, UnknownPriceError
from lab.settings import Target
from lab.settings.groups import Persistence, Tier
from lab.settings.types import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.settings import Settings
    from lab.settings.groups import Azure, SpotPool, SystemPool

_OS_DISK = "P6 LRS"
"""A node's disk: 64 GiB as requested, of the type that AKS chooses for VM sizes with an s."""

_TIERS = {4: 1, 8: 2, 16: 3, 32: 4, 64: 6, 128: 10, 256: 15, 512: 20, 1024: 30}
"""Disk size in GiB -> number in the name of its tier. Azure bills the next larger tier."""

_CLASSES = {"": "E", "default": "E", "managed-csi": "E", "managed-csi-premium": "P"}
"""AKS storage class -> disk type: E is Standard SSD, P Premium SSD."""

_INCLUDED_RULES = 5
"""Load balancer rules that the base price covers."""

_OUTBOUND_RULES = 1
"""Created by AKS on the public load balancer, for the nodes' egress."""

INGRESS_RULES = 5
"""One for each port of the ingress gateway."""

_TOOL_RULES = {"prometheus": 1, "grafana": 1, "kiali": 2, "tracing": 2, "loki": 2}
"""One for each port of a tool's Service."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of a bill.

    Attributes:
        number: initial count.
        most: count that the autoscaler may reach.
        meter: key of the price; None for what is free.
        setting: setting that asks for it.
        stops: True if it costs nothing while the cluster is stopped.
    """

    resource: str
    what: str
    number: int
    most: int
    meter: Meter | None
    setting: str
    stops: bool = False


@dataclass(frozen=True, kw_only=True)
class SpotChoice:
    """Nodes that are spot nodes (`enabled`), or could be."""

    nodes: int
    usual: Meter
    spot: Meter
    enabled: bool


def line_items(settings: Settings) -> tuple[Item, ...]:
    """List every resource of a stack that Azure may bill; none on other targets.

    Raises:
        UnknownPriceError: a storage class is custom, so the type of its disks is not known.
    """
    return tuple(_azure(settings)) if settings.target is Target.AZURE else ()


def spot_choice(settings: Settings) -> SpotChoice | None:
    """The spot pool, or else the nodes that the autoscaler may add; None without either."""
    azure = settings.azure
    enabled = azure.spot_pool.enabled
    nodes = azure.spot_pool.max_count if enabled else azure.system_pool.max_count - azure.system_pool.count
    if settings.target is not Target.AZURE or not nodes:
        return None
    vm_size = azure.spot_pool.vm_size if enabled else azure.system_pool.vm_size
    usual, spot = _meter(azure, Kind.NODE, vm_size), _meter(azure, Kind.SPOT_NODE, vm_size)
    return SpotChoice(nodes=nodes, usual=usual, spot=spot, enabled=enabled)


def _azure(settings: Settings) -> Iterator[Item]:
    azure = settings.azure
    yield _one("group, identities, roles, budget", "free", None, "azure")
    yield _one("control plane", f"AKS {azure.tier}", _control_plane(azure), "azure.tier")
    yield from _pools(azure)
    yield _one("registry", azure.registry_sku, _meter(azure, Kind.REGISTRY, azure.registry_sku), "azure.registrySku")
    yield from _network(settings)
    yield from _volumes(settings)


def _control_plane(azure: Azure) -> Meter | None:
    return None if azure.tier is Tier.FREE else _meter(azure, Kind.CONTROL_PLANE, azure.tier)


def _pools(azure: Azure) -> Iterator[Item]:
    system, spot = azure.system_pool, azure.spot_pool
    pools: list[tuple[str, SystemPool | SpotPool, int, Kind]] = [("system", system, system.count, Kind.NODE)]
    if spot.enabled:
        pools.append(("spot", spot, 0, Kind.SPOT_NODE))
    for name, pool, number, kind in pools:
        yield Item(
            resource=f"{name} pool",
            what=pool.vm_size,
            number=number,
            most=pool.max_count,
            meter=_meter(azure, kind, pool.vm_size),
            setting=f"azure.{name}Pool.vmSize",
            stops=True,
        )
        yield Item(
            resource=f"{name} pool disks",
            what="64 GiB",
            number=number,
            most=pool.max_count,
            meter=_meter(azure, Kind.DISK, _OS_DISK),
            setting=f"azure.{name}Pool",
            # A stopped spot pool has no nodes left, and a disk goes with its node.
            stops=pool is spot,
        )


def _network(settings: Settings) -> Iterator[Item]:
    """The public load balancer serves egress; each Service that is opened adds an address and rules to it."""
    azure = settings.azure
    tools = settings.observability.public
    ingress = bool(azure.ingress_ranges)
    addresses = 1 + ingress + len(tools) + settings.rollouts.public
    rules = _OUTBOUND_RULES + INGRESS_RULES * ingress + sum(map(_TOOL_RULES.__getitem__, tools))
    rules += settings.rollouts.public
    balancer = _meter(azure, Kind.LOAD_BALANCER, "Standard")
    yield _one("load balancer", "the way out", balancer, "azure")
    if not ingress:
        yield _one("load balancer, internal", "the ingress gateway", balancer, "azure.ingressRanges")
    if (extra := rules - _INCLUDED_RULES) > 0:
        meter = _meter(azure, Kind.RULE, "Standard")
        yield _several("load balancer rules", f"beyond {_INCLUDED_RULES}", extra, meter, "azure.ingressRanges")
    yield _several("public addresses", "static IPv4", addresses, _meter(azure, Kind.ADDRESS, "Standard"), "azure")


def _volumes(settings: Settings) -> Iterator[Item]:
    chosen, shop = settings.observability, settings.shop
    stores = (chosen.prometheus.enabled, chosen.grafana.enabled, chosen.tracing.enabled, chosen.loki.enabled)
    parts = (
        ("observability", chosen.persistence, sum(stores)),
        ("shop.mysql", shop.mysql.persistence, int(shop.enabled and shop.mysql.enabled)),
    )
    for name, persistence, number in parts:
        if persistence.enabled and number:
            setting = f"{name}.persistence"
            meter = _meter(settings.azure, Kind.DISK, _disk(persistence, setting))
            yield _several(f"volumes of {name}", f"{persistence.size} each", number, meter, setting)


def _disk(persistence: Persistence, setting: str) -> str:
    """Tier of the disk that Azure creates for a volume."""
    letter = _CLASSES.get(persistence.storage_class)
    if letter is None:
        raise UnknownPriceError(
            f"{PROJECT}:{setting}.storageClass: found {persistence.storage_class}, and what its disks cost is not "
            f"known; known: {', '.join(name or 'nothing' for name in _CLASSES)}",
            f"take one of them: pulumi config set --path {PROJECT}:{setting}.storageClass managed-csi",
        )
    asked = size(persistence.size)
    return f"{letter}{next(tier for gib, tier in _TIERS.items() if asked <= gib * 2**30)} LRS"


def _meter(azure: Azure, kind: Kind, name: str) -> Meter:
    return Meter(kind=kind, region=azure.location, name=str(name))


def _one(resource: str, what: str, meter: Meter | None, setting: str) -> Item:
    return _several(resource, what, 1, meter, setting)


def _several(resource: str, what: str, number: int, meter: Meter | None, setting: str) -> Item:
    return Item(resource=resource, what=str(what), number=number, most=number, meter=meter, setting=setting)
