"""What the benchmark of the data plane says of its numbers."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks import mesh
from benchmarks.mesh import Measured

KEPT = Measured(start=4.0, memory=27.0, direct=6000.0, through=3000.0, p99=0.012)
BROKEN = Measured(start=6.0, memory=70.0, direct=6000.0, through=1500.0, p99=0.012)


def said(*found: Measured) -> str:
    stream = io.StringIO()
    Console(file=stream, width=100).print(mesh.table(found))
    return stream.getvalue()


def test_numbers_within_their_limits_are_said_to_be() -> None:
    text = said(KEPT)

    assert text.count(" yes ") == len(mesh.LIMITS)
    assert " no " not in text
    assert "0.50" in text


def test_numbers_beyond_their_limits_are_said_to_be() -> None:
    assert said(BROKEN).count(" no ") == len(mesh.LIMITS)


def test_the_median_of_the_rounds_counts() -> None:
    assert said(KEPT, BROKEN, KEPT).count(" yes ") == len(mesh.LIMITS)


@pytest.mark.parametrize("name", mesh.LIMITS)
def test_a_number_exactly_at_its_limit_is_kept(name: str) -> None:
    limit = mesh.LIMITS[name]

    assert limit.met(limit.most if limit.most < float("inf") else limit.least)
