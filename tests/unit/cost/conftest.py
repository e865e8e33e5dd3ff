"""A price list on this machine, and none elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.cost.listed import EVERYTHING, PriceList, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nobody_asks_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTIO_LAB_PRICES_URL", "http://127.0.0.1:9/nobody-listens")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[PriceList]:
    """A price list that has everything a lab can have, in West Europe."""
    with serving(EVERYTHING) as found:
        monkeypatch.setenv("ISTIO_LAB_PRICES_URL", found.url)
        yield found
