"""Rhythm: whose silence is long for them; slow customers are neither left out nor judged early."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.churn.labels import Definition, eligibility, eligible, label
from features.windows import midnight

ZERO = date(2024, 1, 1)
USUAL = Definition(
    "rhythm", "placed_order", active_within_days=90, horizon_days=60, quantile=0.9, least_pauses=3
)  # fmt: skip


def day(number: int) -> str:
    return (ZERO + timedelta(days=number)).isoformat()


def visits(**customers: list[int]) -> pd.DataFrame:
    """Orders by customer, on days after 2024-01-01."""
    rows = [(who, number) for who, days in customers.items() for number in days]
    return pd.DataFrame(
        {
            "customer_id": pd.Series([who for who, _ in rows], dtype="str"),
            "activity": "placed_order",
            "occurred_at": pd.to_datetime([midnight(day(number), "UTC") for _, number in rows], unit="us", utc=True),
            "value": 5.0,
        }
    )


WEEKLY, MONTHLY, SLOW = list(range(0, 99, 7)), list(range(0, 99, 30)), [0, 80, 160, 240]


@pytest.mark.parametrize(
    ("days", "as_of", "standing"),
    [
        (WEEKLY, 105, "customer"),  # seven days after day 98: as usual
        (WEEKLY, 106, "gone"),  # longer than ever before
        (MONTHLY, 120, "customer"),
        (MONTHLY, 121, "gone"),
        (SLOW, 300, "customer"),  # slow, and on time
        (SLOW, 331, "gone"),  # longer than active_within_days
        ([0, 7, 14], 15, "no rhythm yet"),
        ([0, 0, 0, 0, 7], 8, "no rhythm yet"),  # four orders on a day are one visit
    ],
)
def test_who_keeps_to_their_rhythm(days: list[int], as_of: int, standing: str) -> None:
    assert eligibility(visits(a=days), USUAL, day(as_of), "UTC")["a"] == standing


@pytest.mark.parametrize(
    ("days", "as_of", "gap", "returns", "left"),
    [
        (WEEKLY, 100, 0, [106], False),
        (WEEKLY, 100, 0, [107], True),  # silent for seven days from the moment on
        (WEEKLY, 100, 3, [109], False),
        (WEEKLY, 100, 3, [110], True),
        (WEEKLY, 100, 3, [101, 110], True),  # what happens in the gap does not count
        (MONTHLY, 100, 0, [129], False),
        (MONTHLY, 100, 0, [130], True),
        (SLOW, 250, 0, [309], False),
        (SLOW, 250, 0, [310], True),  # usually 80 days, but nobody is waited for longer than the horizon
    ],
)
def test_leaving_is_a_silence_that_is_long_for_them(
    days: list[int], as_of: int, gap: int, returns: list[int], left: bool
) -> None:
    definition = Definition(**{**vars(USUAL), "gap_days": gap})
    found = label(visits(a=days + returns), definition, [day(as_of)], "UTC", day(400))
    assert found["churned"].tolist() == [left]


def test_fast_customers_wait_for_the_longest_horizon_like_slow_ones() -> None:
    events = visits(fast=[93 - number for number in range(0, 90, 7)], slow=[10, 40, 70, 95])
    assert label(events, USUAL, [day(100)], "UTC", day(159)).empty
    assert list(label(events, USUAL, [day(100)], "UTC", day(160))["customer_id"]) == ["fast", "slow"]


def test_nobody_has_a_rhythm_in_an_empty_stream() -> None:
    assert eligibility(visits(), USUAL, day(100), "UTC").empty


STREAMS = st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 300), min_size=1, max_size=20), min_size=1)


@given(STREAMS, st.integers(1, 250), st.floats(0.5, 1), st.integers(1, 90))
def test_nobody_is_eligible_whose_silence_is_long_already(
    stream: dict[str, list[int]], as_of: int, quantile: float, horizon: int
) -> None:
    definition = Definition(**{**vars(USUAL), "quantile": quantile, "horizon_days": horizon})
    for who in eligible(visits(**stream), definition, day(as_of), "UTC"):
        known = sorted({number for number in stream[who] if number < as_of})
        pauses = np.diff(known)
        assert len(pauses) >= 3
        assert as_of - known[-1] <= max(1, np.ceil(np.quantile(pauses, quantile).round(9)))


@pytest.mark.slow
@given(STREAMS, st.integers(1, 250), st.integers(0, 10), st.integers(1, 60), st.integers(1, 60))
def test_who_stays_silent_for_long_stays_silent_for_short(
    stream: dict[str, list[int]], as_of: int, gap: int, shorter: int, more: int
) -> None:
    longer, less = (
        label(
            visits(**stream),
            Definition(**{**vars(USUAL), "gap_days": gap, "horizon_days": days}),
            [day(as_of)],
            "UTC",
            day(500),
        )["churned"].tolist()
        for days in (shorter + more, shorter)
    )
    assert all(short or not long for long, short in zip(longer, less, strict=True))


@pytest.mark.slow
@given(STREAMS, st.integers(1, 250))
def test_the_future_changes_nobody_s_standing(stream: dict[str, list[int]], as_of: int) -> None:
    past = {who: [number for number in days if number < as_of] for who, days in stream.items()}
    pd.testing.assert_series_equal(
        *(eligibility(visits(**some), USUAL, day(as_of), "UTC") for some in (stream, past))
    )  # fmt: skip
