"""The table of prices, and what is said about a price that is not in it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lab.core.errors import LabError
from lab.platforms.azure.cost import prices
from lab.platforms.azure.cost.prices import Kind, Meter, Price, PriceBook, Unit, UnknownPriceError, read
from lab.settings.groups import RegistrySku, Tier

if TYPE_CHECKING:
    from pathlib import Path

NODE = Meter(kind=Kind.NODE, region="eastus", name="Standard_D4s_v5")
GOOD = {"kind": "node", "region": "eastus", "name": "S", "usd": '"0.5"', "unit": "hour", "date": '"2026-11"'}


def entry(**instead: str) -> str:
    return "\n    ".join(f"{key}: {value}" for key, value in {**GOOD, "source": "a record", **instead}.items() if value)


def written(folder: Path, *entries: str) -> Path:
    file = folder / "prices.yaml"
    file.write_text('collected: "2026-11-23"\nprices:\n' + "".join(f"  - {each}\n" for each in entries))
    return file


def test_every_price_of_the_table_has_a_source_and_a_day() -> None:
    for meter, price in prices.table().prices.items():
        assert price.usd > 0, meter
        assert len(price.source) > 15, meter
        assert re.fullmatch(r"2026-\d{2}(-\d{2})?", price.date), meter


@pytest.mark.parametrize("region", ["eastus", "westeurope", "koreacentral"])
def test_every_size_that_a_setting_can_name_has_a_price(region: str) -> None:
    table = prices.table()

    assert all(table.find(Meter(kind=Kind.REGISTRY, region=region, name=sku)) for sku in RegistrySku)
    assert all(
        table.find(Meter(kind=Kind.CONTROL_PLANE, region=region, name=tier)) for tier in Tier if tier is not Tier.FREE
    )


def test_no_node_has_the_price_of_another_region() -> None:
    nodes = [meter for meter in prices.table().prices if meter.kind in {Kind.NODE, Kind.SPOT_NODE, Kind.DISK}]

    assert nodes
    assert {meter.region for meter in nodes} == {"eastus", "westeurope"}


@pytest.mark.parametrize(
    ("usd", "unit", "per_hour"),
    [
        ("0.23", Unit.HOUR, "0.2300"),
        ("0.1666", Unit.DAY, "0.0070"),
        ("10.21", Unit.MONTH, "0.0140"),
        ("0.000001", Unit.MONTH, "0.0001"),
    ],
)
def test_a_price_an_hour_is_rounded_up_and_never_to_zero(usd: str, unit: Unit, per_hour: str) -> None:
    price = Price(usd=Decimal(usd), unit=unit, source="a record", date="2026-11")

    assert str(price.per_hour) == per_hour


def test_a_price_that_is_not_known_names_the_settings_what_is_known_and_what_to_do() -> None:
    with pytest.raises(UnknownPriceError) as refused:
        prices.table().price(
            Meter(kind=Kind.NODE, region="koreacentral", name="Standard_D4s_v5"), setting="azure.systemPool.vmSize"
        )

    assert refused.value.message == (
        "istio-lab:azure.systemPool.vmSize: no price is known of node Standard_D4s_v5 with istio-lab:azure.location "
        "koreacentral; known of this kind: Standard_D2s_v5 in eastus; Standard_D4s_v5 in eastus, westeurope"
    )
    assert "lab cost --online" in refused.value.remedy


def test_an_empty_book_knows_nothing_and_says_so() -> None:
    with pytest.raises(UnknownPriceError, match="known of this kind: nothing"):
        PriceBook(prices={}).price(NODE, setting="azure.systemPool.vmSize")


def test_a_book_is_believed_before_the_one_behind_it() -> None:
    low, high = (Price(usd=Decimal(usd), unit=Unit.HOUR, source="a record", date="2026-11") for usd in ("1", "2"))
    other = Meter(kind=Kind.NODE, region="eastus", name="other")
    book = PriceBook(prices={NODE: low}).or_else(PriceBook(prices={NODE: high, other: high}))

    assert (book.find(NODE), book.find(other)) == (low, high)


def test_a_price_of_one_region_is_believed_before_that_of_all() -> None:
    low, high = (Price(usd=Decimal(usd), unit=Unit.HOUR, source="a record", date="2026-11") for usd in ("1", "2"))
    everywhere = Meter(kind=Kind.NODE, region="any", name=NODE.name)
    book = PriceBook(prices={everywhere: high, NODE: low})

    assert book.find(NODE) == low
    assert book.find(Meter(kind=Kind.NODE, region="westus", name=NODE.name)) == high


def test_a_file_is_read(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path, entry(at_most="true"))).prices.items()

    price = Price(usd=Decimal("0.5"), unit=Unit.HOUR, source="a record", date="2026-11", at_most=True)
    assert found == (Meter(kind=Kind.NODE, region="eastus", name="S"), price)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"usd": '"0"'}, "prices.0.usd: Value error, more than zero"),
        ({"usd": "0.5"}, "prices.0.usd"),
        ({"usd": '"-1"'}, "prices.0.usd"),
        ({"usd": ""}, "prices.0.usd"),
        ({"kind": "cloud"}, "prices.0.kind"),
        ({"unit": "year"}, "prices.0.unit"),
        ({"date": '"yesterday"'}, "prices.0.date"),
        ({"source": ""}, "prices.0.source"),
        ({"currency": "EUR"}, "prices.0.currency"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_the_place(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(LabError) as refused:
        read(written(tmp_path, entry(**changed)))

    assert said in refused.value.message


def test_two_prices_of_one_thing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="node S in eastus: is there more than once"):
        read(written(tmp_path, entry(), entry(usd='"0.6"')))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is not a valid list of prices"):
        read(tmp_path / "prices.yaml")
