"""How many stacks a machine can work on at a time."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from lab.services.classes import memory

MB, GB = 2**20, 2**30


@pytest.mark.parametrize(
    ("cores", "available", "expected"),
    [
        (2, 64 * GB, 12),
        (16, 64 * GB, 96),
        (16, 4 * GB, 10),
        (16, 800 * MB, 2),
        (16, 800 * MB - 1, 1),
        (16, 100 * MB, 1),
        (16, 0, 1),
        (1, 64 * GB, 6),
        (None, 64 * GB, 6),
    ],
)
def test_it_follows_cores_and_free_memory_and_is_never_none(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, available: int, expected: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: cores)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))

    assert memory.room() == expected


def test_the_most_that_a_run_took_is_seen_even_if_it_is_short() -> None:
    with memory.Meter() as meter:
        pass

    assert meter.most > 10 * MB
