"""What of a sample chance explains."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.services.grading.evaluation import fits, inconclusive, margin

SHARES = {"v1": 80, "v2": 20}


def test_the_margin_is_the_stated_confidence() -> None:
    assert margin(0.8, 1000) == pytest.approx(0.0416, abs=1e-4)
    assert margin(1.0, 1000) == 0


@pytest.mark.parametrize("second", [159, 200, 241])
def test_a_sample_within_the_margins_fits_and_leaves_no_doubt(second: int) -> None:
    found = Counter({"v1": 1000 - second, "v2": second})

    assert fits(found, SHARES)
    assert not inconclusive(found, SHARES)


@pytest.mark.parametrize("second", [117, 158, 242, 283])
def test_a_sample_just_outside_is_doubtful(second: int) -> None:
    found = Counter({"v1": 1000 - second, "v2": second})

    assert not fits(found, SHARES)
    assert inconclusive(found, SHARES)


@pytest.mark.parametrize("second", [0, 116, 284, 1000])
def test_a_sample_far_outside_is_wrong_without_doubt(second: int) -> None:
    found = Counter({"v1": 1000 - second, "v2": second})

    assert not fits(found, SHARES)
    assert not inconclusive(found, SHARES)


@pytest.mark.parametrize("shares", [SHARES, {"v1": 100}])
def test_who_has_no_share_must_not_answer(shares: dict[str, int]) -> None:
    found = Counter({"v1": 799, "v2": 200, "status 503": 1})

    assert not fits(found, shares)
    assert not inconclusive(found, shares)


def test_a_larger_sample_must_fit_more_closely() -> None:
    assert fits(Counter({"v1": 765, "v2": 235}), SHARES)
    assert not fits(Counter({"v1": 4 * 765, "v2": 4 * 235}), SHARES)
