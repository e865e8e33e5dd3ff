"""Meters, prices, and the price table of the repository."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pydantic
import yaml

from lab.core.errors import LabError
from lab.core.tags import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("prices.yaml")
"""The price table, for use without a network."""

CURRENCY = "USD"
"""The currency of Azure's price list; it converts others at monthly rates."""

CENT_OF_CENT = Decimal("0.0001")
"""Prices an hour have four decimals: the registry costs less than a cent."""

_ANY = "any"
"""Region of a price that is the same in all public regions."""


class Kind(StrEnum):
    """Kinds of resources that Azure bills."""

    NODE = "node"
    SPOT_NODE = "spot node"
    DISK = "disk"
    REGISTRY = "registry"
    CONTROL_PLANE = "control plane"
    LOAD_BALANCER = "load balancer"
    RULE = "load balancer rule"
    ADDRESS = "public address"


class Unit(StrEnum):
    """Billing period of a price."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


HOURS = {Unit.HOUR: 1, Unit.DAY: 24, Unit.MONTH: 730}
"""Azure counts 730 hours a month."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Something that has a price; `name` is a VM size, a disk size or a tier."""

    kind: Kind
    region: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.region}"


@dataclass(frozen=True, kw_only=True)
class Price:
    """Price of one meter.

    Attributes:
        usd: for one `unit`; more than zero.
        date: day or month of the source.
        at_most: True for an upper bound.
    """

    usd: Decimal
    unit: Unit
    source: str
    date: str
    at_most: bool = False

    @property
    def per_hour(self) -> Decimal:
        """Hourly price, rounded up to four decimals: never zero, and printed lines add up to the printed total."""
        return (self.usd / HOURS[self.unit]).quantize(CENT_OF_CENT, ROUND_UP)


class UnknownPriceError(LabError):
    """A price is missing, so there is no total."""


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """Prices by meter; `advice` is the remedy for a missing one."""

    prices: Mapping[Meter, Price]
    advice: str = "ask Azure's price list: lab cost --online; or choose what has a known price"

    def find(self, meter: Meter) -> Price | None:
        """The price of a meter, if known."""
        everywhere = Meter(kind=meter.kind, region=_ANY, name=meter.name)
        return self.prices.get(meter) or self.prices.get(everywhere)

    def price(self, meter: Meter, *, setting: str) -> Price:
        """The price of a meter that `setting` asks for.

        Raises:
            UnknownPriceError: it is not known. It never counts as zero.
        """
        if found := self.find(meter):
            return found
        raise UnknownPriceError(
            f"{PROJECT}:{setting}: no price is known of {meter.kind} {meter.name} with {PROJECT}:azure.location "
            f"{meter.region}; known of this kind: {self._known(meter.kind)}",
            self.advice,
        )

    def or_else(self, other: PriceBook) -> PriceBook:
        """This book, with the other for missing prices."""
        missing = {meter: price for meter, price in other.prices.items() if meter not in self.prices}
        return PriceBook(prices={**self.prices, **missing}, advice=self.advice)

    def _known(self, kind: Kind) -> str:
        regions: dict[str, list[str]] = defaultdict(list)
        for meter in self.prices:
            if meter.kind is kind:
                regions[meter.name].append(meter.region)
        return "; ".join(f"{name} in {', '.join(where)}" for name, where in regions.items()) or "nothing"


def _positive(text: str) -> str:
    if not Decimal(text):
        raise ValueError("more than zero: what is free has no price")
    return text


_Text = Annotated[str, pydantic.StringConstraints(strict=True, min_length=1, pattern=r"^\S")]
_Day = Annotated[str, pydantic.StringConstraints(strict=True, pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
_Usd = Annotated[str, pydantic.StringConstraints(strict=True, pattern=r"^\d{1,5}(\.\d{1,6})?$")]


class _Entry(pydantic.BaseModel):
    """One price of the file. Money is text there: a YAML number would be inexact."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    region: _Text
    name: _Text
    usd: Annotated[_Usd, pydantic.AfterValidator(_positive)]
    unit: Unit
    date: _Day
    source: _Text
    at_most: bool = False

    @property
    def meter(self) -> Meter:
        return Meter(kind=self.kind, region=self.region, name=self.name)

    @property
    def price(self) -> Price:
        return Price(usd=Decimal(self.usd), unit=self.unit, source=self.source, date=self.date, at_most=self.at_most)


class _File(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    collected: _Day
    prices: tuple[_Entry, ...]


def read(file: Path) -> PriceBook:
    """Read a price file.

    Raises:
        LabError: entries are invalid or repeated; all of them are listed.
    """
    try:
        found = _File.model_validate(yaml.safe_load(file.read_bytes()))
    except pydantic.ValidationError as failure:
        places = [f"  {'.'.join(map(str, error['loc'])) or 'the whole'}: {error['msg']}" for error in failure.errors()]
        raise _wrong(file, places) from failure
    except (OSError, yaml.YAMLError) as failure:
        raise _wrong(file, [f"  {failure}"]) from failure
    if twice := [meter for meter, times in Counter(entry.meter for entry in found.prices).items() if times > 1]:
        raise _wrong(file, [f"  {meter}: is there more than once" for meter in twice])
    return PriceBook(prices={entry.meter: entry.price for entry in found.prices})


@cache
def table() -> PriceBook:
    """The price table of the repository."""
    return read(FILE)


def _wrong(file: Path, places: list[str]) -> LabError:
    return LabError("\n".join((f"{file} is not a valid list of prices:", *places)), f"git checkout {file.name}")
