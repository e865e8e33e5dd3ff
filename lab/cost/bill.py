"""What Azure would put on the bill of a stack, without prices: what the components make, and what AKS makes of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.cost.prices import Kind, Meter, UnknownPriceError
from lab.settings import Target
from lab.settings.groups import Persistence, Tier
from lab.settings.types import size
from lab.tags import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.settings import Settings
    from lab.settings.groups import Azure

_OS_DISK = "P6 LRS"
"""The disk of a node: 64 GiB, which is what AKS is asked for, of the kind that it takes for sizes with an s."""

_TIERS = {4: 1, 8: 2, 16: 3, 32: 4, 64: 6, 128: 10, 256: 15, 512: 20, 1024: 30}
"""GiB of a disk -> the number in its size's name. Azure has no sizes between, and charges for the next larger one."""

_CLASSES = {"": "E", "default": "E", "managed-csi": "E", "managed-csi-premium": "P"}
"""AKS' own storage classes -> the letter of their disks: Standard SSD or Premium SSD."""

_INCLUDED_RULES = 5
"""Rules of a load balancer that its own price contains."""

_OUTBOUND_RULES = 1
"""AKS makes one on the public load balancer: the nodes' way out."""

INGRESS_RULES = 5
"""One for each port of the ingress gateway."""

_TOOL_RULES = {"prometheus": 1, "grafana": 1, "kiali": 2, "tracing": 2, "loki": 2}
"""One for each port of a tool's Service."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of a bill.

    Attributes:
        resource: what people call it.
        what: which one, or why it is there.
        number: how many there are at the beginning.
        most: how many the autoscaler may make of them.
        meter: what its price is looked up by; none for what Azure gives for nothing.
        setting: which setting asks for it.
        stops: whether it costs nothing while the cluster is stopped.
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
    """Nodes that are spot nodes, or could be.

    Attributes:
        nodes: how many at most.
        usual: what they cost as ordinary nodes.
        spot: what they cost as spot nodes.
        have: whether they are spot nodes.
    """

    nodes: int
    usual: Meter
    spot: Meter
    have: bool


def bill(settings: Settings) -> tuple[Item, ...]:
    """Every resource of a stack that Azure could ask money for; none when it does not stand on Azure.

    Raises:
        UnknownPriceError: a storage class is somebody's own, so nobody knows what its disks are.
    """
    return tuple(_azure(settings)) if settings.target is Target.AZURE else ()


def spot_meters(settings: Settings) -> SpotChoice | None:
    """The spot pool; without one, the nodes that the autoscaler may add. None when there are neither."""
    azure = settings.azure
    have = azure.spot_pool.enabled
    nodes = azure.spot_pool.max_count if have else azure.system_pool.max_count - azure.system_pool.count
    if settings.target is not Target.AZURE or not nodes:
        return None
    size_of_vm = azure.spot_pool.vm_size if have else azure.system_pool.vm_size
    return SpotChoice(
        nodes=nodes,
        usual=_meter(azure, Kind.NODE, size_of_vm),
        spot=_meter(azure, Kind.SPOT_NODE, size_of_vm),
        have=have,
    )


def _azure(settings: Settings) -> Iterator[Item]:
    azure = settings.azure
    yield Item(
        resource="group, identities, roles, budget",
        what="free",
        number=1,
        most=1,
        meter=None,
        setting="azure",
    )
    yield _one("control plane", f"AKS {azure.tier}", _control_plane(azure), "azure.tier")
    yield from _pools(azure)
    yield _one("registry", azure.registry_sku, _meter(azure, Kind.REGISTRY, azure.registry_sku), "azure.registrySku")
    yield from _network(settings)
    yield from _volumes(settings)


def _control_plane(azure: Azure) -> Meter | None:
    return None if azure.tier is Tier.FREE else _meter(azure, Kind.CONTROL_PLANE, azure.tier)


def _pools(azure: Azure) -> Iterator[Item]:
    system, spot = azure.system_pool, azure.spot_pool
    disk = _meter(azure, Kind.DISK, _OS_DISK)
    yield Item(
        resource="system pool",
        what=system.vm_size,
        number=system.count,
        most=system.max_count,
        meter=_meter(azure, Kind.NODE, system.vm_size),
        setting="azure.systemPool.vmSize",
        stops=True,
    )
    yield Item(
        resource="system pool disks",
        what="64 GiB",
        number=system.count,
        most=system.max_count,
        meter=disk,
        setting="azure.systemPool",
    )
    if spot.enabled:
        yield Item(
            resource="spot pool",
            what=spot.vm_size,
            number=0,
            most=spot.max_count,
            meter=_meter(azure, Kind.SPOT_NODE, spot.vm_size),
            setting="azure.spotPool.vmSize",
            stops=True,
        )
        # A stopped spot pool has no nodes left, and a disk goes with its node.
        yield Item(
            resource="spot pool disks",
            what="64 GiB",
            number=0,
            most=spot.max_count,
            meter=disk,
            setting="azure.spotPool",
            stops=True,
        )


def _network(settings: Settings) -> Iterator[Item]:
    """The public load balancer is there for the way out; who opens a Service gives it one more address and rules."""
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
    """The size of the disk that Azure makes for a volume."""
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
