"""What a stack has that Azure asks money for, held against what the components make."""

from __future__ import annotations

import pytest

from components.mesh import values
from components.platform.azure import cluster
from components.platform.base import Ingress
from lab.platforms.azure.cost.line_items import INGRESS_RULES, Item, line_items
from lab.platforms.azure.cost.prices import Kind, Meter, UnknownPriceError
from tests.unit.cost.support import settings

RANGES = ["198.51.100.0/24"]


def items(azure: dict[str, object] | None = None, **more: object) -> dict[str, Item]:
    return {item.resource: item for item in line_items(settings(azure=azure, **more))}


def test_the_ingress_gateway_needs_a_rule_for_each_of_its_ports() -> None:
    service = values.ingress_gateway(service_type="LoadBalancer", ingress=Ingress())["service"]

    assert isinstance(service, dict)
    assert len(service["ports"]) == INGRESS_RULES


def test_the_disks_of_the_nodes_are_of_the_size_that_aks_is_asked_for() -> None:
    found = items()["system pool disks"]

    assert found.what == f"{cluster.OS_DISK_GB} GiB"
    assert found.meter == Meter(kind=Kind.DISK, region="westeurope", name="P6 LRS")


def test_an_ingress_gateway_inside_has_a_load_balancer_of_its_own() -> None:
    found = items()

    assert "load balancer, internal" in found
    assert found["public addresses"].number == 1
    assert "load balancer rules" not in found


def test_an_ingress_gateway_outside_has_an_address_and_rules_on_the_public_one() -> None:
    found = items({"ingressRanges": RANGES})

    assert "load balancer, internal" not in found
    assert found["public addresses"].number == 2
    assert found["load balancer rules"].number == 1, "the way out and five ports are six rules, five of them included"


def test_every_tool_outside_has_an_address() -> None:
    public = {"serviceType": "LoadBalancer"}
    tools = {"prometheus": public, "loki": public, "grafana": {**public, "enabled": False}, "sourceRanges": RANGES}
    example = {"example": {"serviceType": "LoadBalancer", "sourceRanges": RANGES}}

    assert items(observability=tools)["public addresses"].number == 3
    assert items(observability=tools, rollouts=example)["public addresses"].number == 4
    assert "load balancer rules" not in items(observability=tools, rollouts=example)


def test_the_free_tier_has_no_price_and_the_others_have_one() -> None:
    assert items()["control plane"].meter is None
    for tier in ("Standard", "Premium"):
        meter = items({"tier": tier})["control plane"].meter
        assert meter == Meter(kind=Kind.CONTROL_PLANE, region="westeurope", name=tier)


def test_a_spot_pool_begins_with_no_nodes_and_no_disks() -> None:
    found = items({"spotPool": {"enabled": True, "maxCount": 7}})

    assert [(found[name].number, found[name].most) for name in ("spot pool", "spot pool disks")] == [(0, 7), (0, 7)]
    assert "spot pool" not in items()


def test_only_nodes_cost_nothing_while_stopped() -> None:
    found = items({"spotPool": {"enabled": True}})

    assert {name for name, item in found.items() if item.stops} == {"system pool", "spot pool", "spot pool disks"}


@pytest.mark.parametrize(
    ("persistence", "disk"),
    [
        ({"size": "8Gi"}, "E2 LRS"),
        ({"size": "9Gi"}, "E3 LRS"),
        ({"size": "1Gi"}, "E1 LRS"),
        ({"size": "1024Gi"}, "E30 LRS"),
        ({"size": "64Gi", "storageClass": "managed-csi"}, "E6 LRS"),
        ({"size": "100G", "storageClass": "managed-csi-premium"}, "P10 LRS"),
    ],
)
def test_a_volume_is_a_disk_of_the_next_larger_size(persistence: dict[str, object], disk: str) -> None:
    found = items(observability={"persistence": {"enabled": True, **persistence}})["volumes of observability"]

    assert found.number == 4
    assert found.meter == Meter(kind=Kind.DISK, region="westeurope", name=disk)


def test_the_database_of_the_shop_has_one_volume_when_there_is_a_shop() -> None:
    kept = {"mysql": {"persistence": {"enabled": True}}}

    assert items(shop=kept)["volumes of shop.mysql"].number == 1
    assert "volumes of shop.mysql" not in items(shop={**kept, "enabled": False}, tutorial={"shop": False})


def test_what_the_disks_of_a_foreign_storage_class_cost_is_not_known() -> None:
    with pytest.raises(UnknownPriceError) as refused:
        items(observability={"persistence": {"enabled": True, "storageClass": "fast"}})

    assert "istio-lab:observability.persistence.storageClass: found fast" in refused.value.message
    assert "managed-csi-premium" in refused.value.message


def test_every_line_names_a_setting_that_exists() -> None:
    chosen = settings(
        azure={"spotPool": {"enabled": True}, "ingressRanges": RANGES, "tier": "Premium"},
        observability={"persistence": {"enabled": True}},
        shop={"mysql": {"persistence": {"enabled": True}}},
    )
    everything = chosen.model_dump(by_alias=True)

    for item in line_items(chosen):
        found = everything
        for part in item.setting.split("."):
            found = found[part]
