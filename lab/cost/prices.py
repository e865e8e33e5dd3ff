"""Prices: what has one, and the books in which they stand."""

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

from lab.errors import LabError
from lab.tags import PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("prices.yaml")
"""The prices that are known without asking anybody."""

CURRENCY = "USD"
"""Azure's price list is made in it; other currencies are its exchange rates of a month."""

CENT_OF_CENT = Decimal("0.0001")
"""Prices an hour have four decimals: the registry costs less than a cent."""

_ANY = "any"
"""The region of a price that is the same in all public ones."""


class Kind(StrEnum):
    """What Azure asks money for, as far as a lab has it."""

    NODE = "node"
    SPOT_NODE = "spot node"
    DISK = "disk"
    REGISTRY = "registry"
    CONTROL_PLANE = "control plane"
    LOAD_BALANCER = "load balancer"
    RULE = "load balancer rule"
    ADDRESS = "public address"


class Unit(StrEnum):
    """For how long a price is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


HOURS = {Unit.HOUR: 1, Unit.DAY: 24, Unit.MONTH: 730}
"""Azure reckons with months of 730 hours."""


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Something that has a price.

    Attributes:
        kind: what it is.
        region: Azure's name of the region.
        name: which of its kind: a VM size, a disk's size, a tier.
    """

    kind: Kind
    region: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.region}"


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one of something costs.

    Attributes:
        usd: for one unit of time; more than zero.
        unit: that unit.
        source: whose word it is.
        date: the day of that word, or its month when the day is not known.
        at_most: it is an upper bound.
    """

    usd: Decimal
    unit: Unit
    source: str
    date: str
    at_most: bool = False

    @property
    def per_hour(self) -> Decimal:
        """An hour, rounded up to four decimals: never zero, and lines that are shown add up to the total shown."""
        return (self.usd / HOURS[self.unit]).quantize(CENT_OF_CENT, ROUND_UP)


class UnknownPriceError(LabError):
    """Nobody knows what something costs, so nobody knows what all of it costs."""


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """Prices by what they are for.

    Attributes:
        prices: those that are known.
        advice: what to do about one that is not.
    """

    prices: Mapping[Meter, Price]
    advice: str = "ask Azure's price list: lab cost --online; or choose what has a known price"

    def find(self, meter: Meter) -> Price | None:
        """The price, if it is known."""
        everywhere = Meter(kind=meter.kind, region=_ANY, name=meter.name)
        return self.prices.get(meter) or self.prices.get(everywhere)

    def price(self, meter: Meter, *, setting: str) -> Price:
        """The price.

        Args:
            meter: of what.
            setting: which setting asks for it, without the namespace, for the message.

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
        """This book, and the other for what it does not know."""
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
    """One price of the file. Money is text there: YAML would make an inexact number of it."""

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
    """The whole file."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    collected: _Day
    prices: tuple[_Entry, ...]


def read(file: Path) -> PriceBook:
    """The prices of a file.

    Raises:
        LabError: an entry is not as it must be, or two are for the same; every place is named.
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
    """The prices of the repository, each with its source and its day."""
    return read(FILE)


def _wrong(file: Path, places: list[str]) -> LabError:
    return LabError("\n".join((f"{file} is not a valid list of prices:", *places)), f"git checkout {file.name}")
