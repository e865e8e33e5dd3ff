"""docs/cost.md shows what `lab cost` prints, and names the prices that the table has."""

from __future__ import annotations

import re

import pytest

from lab.core.paths import PROJECT
from lab.platforms.azure.cost import prices
from lab.platforms.azure.cost.prices import Kind
from tests.unit.cost.support import GOLDEN

pages = pytest.mark.parametrize("page", ["cost.md", "cost.ko.md"])


def text(page: str) -> str:
    return (PROJECT / "docs" / page).read_text(encoding="utf-8")


@pages
def test_the_table_that_is_shown_is_the_one_that_is_printed(page: str) -> None:
    (shown,) = re.findall(r"```text\n(.*?)\n```", text(page), re.DOTALL)
    printed = (GOLDEN / "default.txt").read_text(encoding="utf-8").replace("Stack default", "Stack azure")

    assert printed.startswith(f"{shown}\n")


@pages
def test_every_node_and_every_day_of_the_table_is_named(page: str) -> None:
    for meter, price in prices.table().prices.items():
        assert price.date in text(page), meter
        if meter.kind in {Kind.NODE, Kind.SPOT_NODE}:
            assert f"`{meter.name}`" in text(page)
            assert f"`{meter.region}`" in text(page)
