"""Azure's price list: which of its many rows count, and what is said when it does not answer well."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lab.platforms.azure.cost import retail
from lab.platforms.azure.cost.estimate import estimate
from lab.platforms.azure.cost.line_items import line_items
from lab.platforms.azure.cost.prices import Kind, Meter, Unit
from lab.platforms.azure.cost.retail import RetailError, ask
from tests.unit.cost.listed import NODE, SPOT, STRANGERS, page, row
from tests.unit.cost.support import settings

if TYPE_CHECKING:
    from tests.unit.cost.listed import PriceList, Row

ALONE = [each for each in STRANGERS if each["retailPrice"] != 0.25 and each["isPrimaryMeterRegion"]]
"""Those that would not even count if there was no better one."""

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MACHINE = Meter(kind=Kind.NODE, region="westeurope", name="Standard_D4s_v5")
SPOT_MACHINE = Meter(kind=Kind.SPOT_NODE, region="westeurope", name="Standard_D4s_v5")


def meter(kind: Kind, name: str) -> Meter:
    return Meter(kind=kind, region="westeurope", name=name)


def usd(listed: PriceList, wanted: Meter) -> Decimal | None:
    found = ask([wanted], url=listed.url, now=NOW).find(wanted)
    return found.usd if found else None


@pytest.mark.parametrize(
    ("wanted", "price", "unit"),
    [
        (MACHINE, "0.23", Unit.HOUR),
        (SPOT_MACHINE, "0.0425", Unit.HOUR),
        (meter(Kind.DISK, "P6 LRS"), "11.21", Unit.MONTH),
        (meter(Kind.DISK, "E2 LRS"), "0.6", Unit.MONTH),
        (meter(Kind.REGISTRY, "Basic"), "0.1666", Unit.DAY),
        (meter(Kind.CONTROL_PLANE, "Standard"), "0.1", Unit.HOUR),
        (meter(Kind.CONTROL_PLANE, "Premium"), "0.6", Unit.HOUR),
        (meter(Kind.LOAD_BALANCER, "Standard"), "0.025", Unit.HOUR),
        (meter(Kind.RULE, "Standard"), "0.0099", Unit.HOUR),
        (meter(Kind.ADDRESS, "Standard"), "0.005", Unit.HOUR),
    ],
)
def test_every_kind_of_price_is_found(listed: PriceList, wanted: Meter, price: str, unit: Unit) -> None:
    found = ask([wanted], url=listed.url, now=NOW).find(wanted)

    assert found is not None
    assert (found.usd, found.unit) == (Decimal(price), unit)
    assert (found.source, found.date, found.at_most) == ("Azure's price list, asked on this day", "2026-11-26", False)


def test_money_is_never_an_inexact_number(listed: PriceList) -> None:
    assert usd(listed, meter(Kind.REGISTRY, "Basic")) == Decimal("0.1666")


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda each: f"{each['productName']} {each['retailPrice']}")
def test_a_row_of_something_else_is_not_taken(listed: PriceList, stranger: Row) -> None:
    listed.rows = [stranger, NODE, SPOT]

    assert usd(listed, MACHINE) == Decimal("0.23")
    assert usd(listed, SPOT_MACHINE) == Decimal("0.0425")


@pytest.mark.parametrize("stranger", ALONE, ids=lambda each: f"{each['productName']} {each['retailPrice']}")
def test_without_the_right_row_there_is_no_price(listed: PriceList, stranger: Row) -> None:
    listed.rows = [stranger]

    assert usd(listed, MACHINE) is None
    assert usd(listed, SPOT_MACHINE) is None


def test_the_newest_of_prices_that_follow_each_other_counts(listed: PriceList) -> None:
    listed.rows = [NODE, row(effectiveStartDate="2026-06-01T00:00:00Z", retailPrice=0.24)]

    assert usd(listed, MACHINE) == Decimal("0.24")


def test_the_same_price_twice_is_one_price(listed: PriceList) -> None:
    listed.rows = [NODE, NODE]

    assert usd(listed, MACHINE) == Decimal("0.23")


def test_two_prices_for_one_thing_are_no_price(listed: PriceList) -> None:
    listed.rows = [NODE, row(retailPrice=0.214)]

    with pytest.raises(RetailError, match="has more than one price for node Standard_D4s_v5 in westeurope"):
        usd(listed, MACHINE)


def test_it_is_asked_with_a_filter_for_the_currency_and_only_once_for_the_same(listed: PriceList) -> None:
    ask([MACHINE, SPOT_MACHINE, MACHINE], url=listed.url, now=NOW)

    (query,) = listed.asked
    assert query["api-version"] == "2023-01-01-preview"
    assert query["currencyCode"] == "'USD'"
    assert query["$filter"] == (
        "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' and armSkuName eq 'Standard_D4s_v5' "
        "and priceType eq 'Consumption'"
    )


def test_load_balancers_are_asked_for_where_they_are_listed(listed: PriceList) -> None:
    ask([meter(Kind.LOAD_BALANCER, "Standard")], url=listed.url, now=NOW)

    assert "armRegionName eq 'Global'" in listed.asked[0]["$filter"]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_all_pages_are_read(listed: PriceList, size: int) -> None:
    listed.page_size = size
    listed.rows = [*STRANGERS[:6], NODE]

    assert usd(listed, MACHINE) == Decimal("0.23")
    assert len(listed.asked) == -(-7 // size)


def test_a_list_without_an_end_is_left_behind(listed: PriceList) -> None:
    listed.next_page = f"{listed.url}/?$filter=serviceName eq 'Virtual Machines'"

    with pytest.raises(RetailError, match="has more than 10 pages"):
        usd(listed, MACHINE)
    assert len(listed.asked) == 10


def test_a_next_page_of_somebody_else_is_not_opened(listed: PriceList) -> None:
    listed.next_page = "https://prices.example.net/next"

    with pytest.raises(RetailError, match=r"sends on to prices\.example\.net"):
        usd(listed, MACHINE)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"{}", "does not answer: Server error '500"),
        (429, b"{}", "does not answer: Client error '429"),
        (302, page([NODE]), "does not answer"),
        (200, b"<html>Welcome to the hotel</html>", "answers something else than prices"),
        (200, b"", "answers something else than prices"),
        (200, b"[]", "answers something else than prices"),
        (200, b"{}", "answers something else than prices: Items: Field required"),
        (200, b'{"Items": {}}', "answers something else than prices: Items"),
        (200, json.dumps({"Items": [{"retailPrice": 1}]}).encode(), "Items.0.currencyCode: Field required"),
        (200, page([row(retailPrice="cheap")]), "Items.0.retailPrice"),
        (200, page([row(retailPrice=None)]), "Items.0.retailPrice"),
        (200, page([row(effectiveStartDate="yesterday")]), "Items.0.effectiveStartDate"),
        (200, page([NODE])[:-9], "answers something else than prices"),
        (200, b"\xff\xfe\x00", "answers something else than prices"),
    ],
)
def test_an_answer_that_is_none_is_told(listed: PriceList, status: int, body: bytes, said: str) -> None:
    listed.instead = status, body

    with pytest.raises(RetailError) as refused:
        usd(listed, MACHINE)

    assert said in refused.value.message
    assert refused.value.remedy.endswith("lab cost --offline")


def test_a_list_that_is_slow_is_left_behind(listed: PriceList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retail, "_REQUEST_TIMEOUT", 0.2)
    listed.silent = True
    begin = time.monotonic()

    with pytest.raises(RetailError, match="does not answer: timed out"):
        usd(listed, MACHINE)
    assert time.monotonic() - begin < 2


def test_all_questions_together_take_no_longer_than_their_time(
    listed: PriceList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retail, "_TOTAL_TIMEOUT", -1.0)

    with pytest.raises(RetailError, match="takes longer than"):
        usd(listed, MACHINE)
    assert listed.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "no address", "ftp://127.0.0.1/", "http://127.0.0.1:x/"])
def test_a_list_that_cannot_be_reached_is_told(url: str) -> None:
    with pytest.raises(RetailError, match="does not answer"):
        ask([MACHINE], url=url, now=NOW)


def test_the_environment_names_another_list(listed: PriceList) -> None:
    assert ask([MACHINE], now=NOW).find(MACHINE) is not None
    assert len(listed.asked) == 1


def test_a_whole_bill_is_priced_by_the_list_alone(listed: PriceList) -> None:
    chosen = settings(azure={"tier": "Standard", "spotPool": {"enabled": True}, "ingressRanges": ["203.0.113.0/24"]})
    book = ask([item.meter for item in line_items(chosen) if item.meter], url=listed.url, now=NOW)

    found = estimate(chosen, book)
    assert {line.price.date for line in found.lines if line.price} == {"2026-11-26"}
    assert "load balancer rules" in {line.resource for line in found.lines}
