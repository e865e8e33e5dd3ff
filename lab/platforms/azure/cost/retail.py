"""Azure's Retail Prices API, which needs no login.

One meter has many rows there: Windows, Spot, low priority, reservations, former prices. This module selects the row
that a lab pays.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import httpx
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from lab.core.errors import LabError
from lab.platforms.azure.cost.estimate import class_estimate
from lab.platforms.azure.cost.line_items import line_items, spot_choice
from lab.platforms.azure.cost.prices import CURRENCY, Kind, Meter, Price, PriceBook, Unit, UnknownPriceError, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.core.progress import Progress
    from lab.platforms.azure.cost.estimate import Estimate, Share

URL = "https://prices.azure.com/api/retail/prices"
_VERSION = "2023-01-01-preview"
_SOURCE = "Azure's price list, asked on this day"

_ADVICE = "Azure's price list does not have it either: is it offered in that region? lab doctor --target azure tells"

_REQUEST_TIMEOUT = 5.0
_TOTAL_TIMEOUT = 20.0
"""Seconds."""

_MOST_PAGES = 10
"""A lab's query has one page; an endless list is an error."""

_UNITS = {"1 Hour": Unit.HOUR, "1/Hour": Unit.HOUR, "1/Day": Unit.DAY, "1/Month": Unit.MONTH}

_GLOBAL = "Global"
"""Region under which load balancers are listed."""

_SERVICES = {
    Kind.NODE: "Virtual Machines",
    Kind.SPOT_NODE: "Virtual Machines",
    Kind.DISK: "Storage",
    Kind.REGISTRY: "Container Registry",
    Kind.CONTROL_PLANE: "Azure Kubernetes Service",
    Kind.LOAD_BALANCER: "Load Balancer",
    Kind.RULE: "Load Balancer",
    Kind.ADDRESS: "Virtual Network",
}

_DISKS = {"P": "Premium SSD Managed Disks", "E": "Standard SSD Managed Disks"}
"""By the first letter of a disk tier."""

_METERS = {
    (Kind.CONTROL_PLANE, "Standard"): "Standard Uptime SLA",
    (Kind.CONTROL_PLANE, "Premium"): "Standard Long Term Support",
    (Kind.LOAD_BALANCER, "Standard"): "Standard Included LB Rules and Outbound Rules",
    (Kind.RULE, "Standard"): "Standard Overage LB Rules and Outbound Rules",
    (Kind.ADDRESS, "Standard"): "Standard IPv4 Static Public IP",
}
"""Meter names that do not follow from the settings."""


class RetailError(LabError):
    """The price list does not answer, or not with prices."""


_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class _Row(BaseModel):
    """The used fields of one row."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    currency_code: str
    retail_price: Decimal
    unit_of_measure: str
    arm_region_name: _Text
    arm_sku_name: _Text = ""
    product_name: str
    sku_name: _Text = ""
    meter_name: str
    service_name: str
    type: str
    tier_minimum_units: Decimal = Decimal(0)
    is_primary_meter_region: bool = True
    effective_start_date: AwareDatetime
    effective_end_date: AwareDatetime | None = None


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)

    items: tuple[_Row, ...] = Field(alias="Items")
    next_page: str | None = Field(default=None, alias="NextPageLink")


def ask(meters: Iterable[Meter], *, url: str | None = None, now: datetime | None = None) -> PriceBook:
    """Ask Azure's price list, or the one at `ISTIO_LAB_PRICES_URL`, for the present prices of meters.

    Raises:
        RetailError: no answer in time, an invalid one, or two prices for one meter.
    """
    address = url or os.environ.get("ISTIO_LAB_PRICES_URL") or URL
    moment = now or datetime.now(tz=UTC)
    deadline = time.monotonic() + _TOTAL_TIMEOUT
    answers: dict[str, tuple[_Row, ...]] = {}
    prices = {}
    try:
        with httpx.Client(timeout=_REQUEST_TIMEOUT) as client:
            for meter in dict.fromkeys(meters):
                question = _question(meter)
                if question not in answers:
                    answers[question] = _rows(client, address, question, deadline)
                if row := _chosen(meter, answers[question], moment):
                    prices[meter] = _price(row, moment)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failure(f"does not answer: {str(error) or type(error).__name__}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise _failure(f"answers something else than prices: {field}: {first['msg']}") from None
    return PriceBook(prices=prices, advice=_ADVICE)


def estimate_with_fallback(shares: Sequence[Share]) -> Estimate:
    """Estimate by the repository's table, which is quick and stable; ask Azure only for prices that it lacks.

    Raises:
        UnknownPriceError: a price is in neither.
    """
    try:
        return class_estimate(shares, table())
    except UnknownPriceError as unknown:
        try:
            return class_estimate(shares, ask(_billed(shares)).or_else(table()))
        except (RetailError, UnknownPriceError) as error:
            why = f"\n{error.message}" if error.message != unknown.message else ""
            raise UnknownPriceError(unknown.message + why, unknown.remedy) from None


def current_prices(shares: Sequence[Share], progress: Progress, *, online: bool | None) -> tuple[PriceBook, list[str]]:
    """Prices for an estimate and its savings, with notes on their source.

    `online` True uses only Azure's list, False only the repository's table, None the list and then the table.

    Raises:
        RetailError: `online` is True, and the list does not answer.
    """
    billed = _billed(shares)
    if online is False or not billed:
        return table(), []
    choices = [choice for share in shares if (choice := spot_choice(share.settings))]
    try:
        with progress.step("asking Azure's price list", usual=3):
            asked = ask([*billed, *(meter for choice in choices for meter in (choice.usual, choice.spot))])
    except RetailError as error:
        if online:
            raise
        return table(), [f"{error.message}. So the prices are those of the repository's table."]
    return (asked if online else asked.or_else(table())), []


def _billed(shares: Iterable[Share]) -> list[Meter]:
    return [item.meter for share in shares for item in line_items(share.settings) if item.meter]


def _rows(client: httpx.Client, address: str, question: str, deadline: float) -> tuple[_Row, ...]:
    found: tuple[_Row, ...] = ()
    parameters = {"api-version": _VERSION, "currencyCode": f"'{CURRENCY}'", "$filter": question}
    page: str | None = str(httpx.URL(address, params=parameters))
    for _ in range(_MOST_PAGES):
        if not page:
            return found
        if time.monotonic() > deadline:
            raise _failure(f"takes longer than {_TOTAL_TIMEOUT:.0f} s")
        if httpx.URL(page).host != httpx.URL(address).host:
            raise _failure(f"sends on to {httpx.URL(page).host or 'nowhere'} for its next page")
        answer = _Page.model_validate_json(client.get(page).raise_for_status().content)
        found += answer.items
        page = answer.next_page
    raise _failure(f"has more than {_MOST_PAGES} pages for {question}")


def _chosen(meter: Meter, rows: Iterable[_Row], now: datetime) -> _Row | None:
    """The newest row that applies to a meter."""
    fitting = [row for row in rows if _counts(row, now) and _says(row, meter) and _fits(row, meter)]
    fitting = [row for row in fitting if row.is_primary_meter_region] or fitting
    latest = max((row.effective_start_date for row in fitting), default=None)
    newest = [row for row in fitting if row.effective_start_date == latest]
    if len({(row.retail_price, row.unit_of_measure) for row in newest}) > 1:
        listed = ", ".join(sorted(f"{row.retail_price} ({row.product_name}, {row.meter_name})" for row in newest))
        raise _failure(f"has more than one price for {meter}: {listed}")
    return newest[0] if newest else None


def _counts(row: _Row, now: datetime) -> bool:
    """Whether a row is a present list price from the first unit on; zero is no price of a lab's meter."""
    return (
        row.type == "Consumption"
        and row.currency_code == CURRENCY
        and row.unit_of_measure in _UNITS
        and row.retail_price > 0
        and row.tier_minimum_units == 0
        and row.effective_start_date <= now
        and (row.effective_end_date is None or row.effective_end_date > now)
    )


def _says(row: _Row, meter: Meter) -> bool:
    """Whether a row is what was asked for: the server's filter is checked again."""
    values = row.model_dump(by_alias=True)
    return all(values[name] == value for name, value in _filters(meter).items())


def _fits(row: _Row, meter: Meter) -> bool:
    """Whether a VM's row is for Linux, and for Spot or not; the filters do not tell."""
    if meter.kind not in {Kind.NODE, Kind.SPOT_NODE}:
        return True
    return _linux(row) and _is_spot(row) is (meter.kind is Kind.SPOT_NODE)


def _price(row: _Row, now: datetime) -> Price:
    return Price(usd=row.retail_price, unit=_UNITS[row.unit_of_measure], source=_SOURCE, date=now.date().isoformat())


def _question(meter: Meter) -> str:
    """The API's filter expression. The settings allow no quotes in its values."""
    filters = {**_filters(meter), "priceType": "Consumption"}
    return " and ".join(f"{name} eq '{value}'" for name, value in filters.items())


def _filters(meter: Meter) -> Mapping[str, str]:
    """Required values by API field."""
    balancer = meter.kind in {Kind.LOAD_BALANCER, Kind.RULE}
    where = {"serviceName": _SERVICES[meter.kind], "armRegionName": _GLOBAL if balancer else meter.region}
    match meter.kind:
        case Kind.NODE | Kind.SPOT_NODE:
            return {**where, "armSkuName": meter.name}
        case Kind.DISK:
            return {**where, "productName": _DISKS[meter.name[0]], "meterName": f"{meter.name} Disk"}
        case Kind.REGISTRY:
            return {**where, "meterName": f"{meter.name} Registry Unit"}
        case _:
            return {**where, "meterName": _METERS[meter.kind, meter.name]}


def _linux(row: _Row) -> bool:
    """Neither Windows, nor low priority, nor VMs of another service."""
    named = f"{row.product_name} {row.sku_name} {row.meter_name}"
    return row.product_name.startswith("Virtual Machines") and not re.search(r"Windows|Low Priority", named)


def _is_spot(row: _Row) -> bool:
    return f"{row.sku_name} ".endswith("Spot ") or row.meter_name.endswith(" Spot")


def _failure(what: str) -> RetailError:
    return RetailError(f"Azure's price list {what}", "use the table of the repository: lab cost --offline")
