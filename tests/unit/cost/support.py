"""Settings and texts that tests of prices share."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from lab.cli import cost_table
from lab.platforms.azure.cost import prices
from lab.platforms.azure.cost.estimate import Course, Share, class_estimate
from lab.platforms.azure.cost.savings import savings
from lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from lab.platforms.azure.cost.prices import PriceBook

GOLDEN = Path(__file__).with_name("golden")
WIDTH = 80


def settings(*, target: str = "azure", azure: dict[str, object] | None = None, **more: object) -> Settings:
    """Settings that may be without who reaches the API server."""
    given = {"target": target, "azure": {"allowedRanges": ["203.0.113.7/32"], **(azure or {})}, **more}
    return Settings.from_mapping(given, source="Pulumi.kim.yaml", today=date(2026, 11, 26))


def elsewhere() -> Settings:
    """A stack that lives on a cluster of somebody else."""
    return settings(target="kubeconfig", kubeconfig={"file": "~/.kube/config", "context": "class"})


def printed(shares: Sequence[Share], *, of_class: bool = False, book: PriceBook | None = None) -> str:
    """What people see on 80 columns."""
    known, course = book or prices.table(), Course()
    console = Console(file=io.StringIO(), width=WIDTH)
    found = class_estimate(shares, known)
    print_it = cost_table.show_class if of_class else cost_table.show
    print_it(found, savings(found, shares, known, course), course, console)
    assert isinstance(console.file, io.StringIO)
    # rich fills every row of a table with spaces, which editors take away.
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def reviewed(name: str, made: str, request: pytest.FixtureRequest) -> str:
    """The text that was reviewed under this name."""
    file = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden", default=False):
        file.write_text(made, encoding="utf-8")
    return file.read_text(encoding="utf-8")
