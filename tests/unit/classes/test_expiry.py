"""Until when a lab is wanted, by a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.settings import expiry

NOON = datetime(2026, 12, 24, 12, tzinfo=UTC)
SEOUL = timezone(timedelta(hours=9))

moments = st.integers(0, 6_000_000_000_000_000).map(
    lambda us: datetime(2000, 1, 1, tzinfo=SEOUL) + timedelta(microseconds=us)
)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-24", datetime(2026, 12, 25, tzinfo=UTC)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        ("2026-12-24T18:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("", None),
    ],
)
def test_a_day_counts_to_its_end_and_a_moment_exactly(text: str, moment: datetime | None) -> None:
    assert expiry.parse(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-12-24T25:00Z",
        "2026-12-24T18:00",
        "2026-12-24T18:00:00Z",
        "2026-12-24T18:00+09:00",
        "24.12.2026",
        "2026-12-24 ",
        "20261224",
        "٢٠٢٦-12-24",
        "9999-12-31",
        "tomorrow",
        " ",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="a UTC day such as"):
        expiry.parse(text)


@settings(deadline=None)
@given(moments)
def test_what_is_spelt_is_read_again_and_never_earlier(moment: datetime) -> None:
    again = expiry.parse(expiry.spell(moment))

    assert again is not None
    assert timedelta() <= again - moment < timedelta(minutes=1)


def test_a_lab_has_expired_from_its_moment_on_and_never_without_one() -> None:
    assert not expiry.expired(NOON, NOON - timedelta(seconds=1))
    assert expiry.expired(NOON, NOON)
    assert not expiry.expired(None, NOON)


def test_a_day_has_not_expired_while_it_lasts() -> None:
    day = expiry.parse("2026-12-24")

    assert not expiry.expired(day, datetime(2026, 12, 24, 23, 59, 59, tzinfo=UTC))
    assert expiry.expired(day, datetime(2026, 12, 25, tzinfo=UTC))


def test_an_extension_counts_from_when_it_was_made() -> None:
    assert expiry.extended(NOON, timedelta(days=7)) == NOON + timedelta(days=7)


@pytest.mark.parametrize("by", [timedelta(), timedelta(hours=-1), timedelta.max])
def test_an_extension_that_is_none_is_refused(by: timedelta) -> None:
    with pytest.raises(ValueError, match=r"extension|calendar"):
        expiry.extended(NOON, by)


def test_the_later_of_two_moments_counts() -> None:
    after = NOON + timedelta(hours=1)

    assert expiry.later(NOON, after) == expiry.later(after, NOON) == after
    assert expiry.later(NOON, None) == NOON


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_a_length_of_time_is_told_in_what_people_count_in(span: timedelta, told: str) -> None:
    assert expiry.length(span) == told
