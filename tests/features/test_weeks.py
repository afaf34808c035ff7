from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from features.weekly_counts import weekly_counts


def at(*moments: str, timezone: str = "UTC") -> np.ndarray:
    zone = ZoneInfo(timezone)
    return np.array([int(datetime.fromisoformat(one).replace(tzinfo=zone).timestamp() * 1e6) for one in moments])


@pytest.mark.parametrize(
    ("moment", "counts"),
    [
        ("2024-03-03T23:59:59", [0, 0, 1]),  # the last second before as_of
        ("2024-03-04T00:00:00", [0, 0, 0]),  # as_of itself is the future
        ("2024-02-26T00:00:00", [0, 0, 1]),
        ("2024-02-25T23:59:59", [0, 1, 0]),
        ("2024-02-12T00:00:00", [1, 0, 0]),
        ("2024-02-11T23:59:59", [0, 0, 0]),  # before the first week
    ],
)
def test_a_week_is_seven_days_and_the_last_ends_where_as_of_begins(moment: str, counts: list[int]) -> None:
    found = weekly_counts(np.array([0]), at(moment), 1, as_of="2024-03-04", timezone="UTC", weeks=3)
    assert found.tolist() == [counts]


def test_every_customer_has_a_row_and_silence_is_zero() -> None:
    times = at("2024-03-01T10:00", "2024-03-01T11:00", "2024-02-20T10:00")
    found = weekly_counts(np.array([2, 2, 0]), times, 4, as_of="2024-03-04", timezone="UTC", weeks=2)
    assert found.tolist() == [[1, 0], [0, 0], [0, 2], [0, 0]]
    assert weekly_counts(np.array([], int), at(), 1, as_of="2024-03-04", timezone="UTC").shape == (1, 52)


def test_days_begin_at_midnight_of_the_timezone_also_where_clocks_change() -> None:
    zone = "Europe/Berlin"  # summer time began on 31 March 2024
    times = at("2024-03-25T00:30", "2024-03-24T23:30", "2024-04-01T00:00", timezone=zone)
    found = weekly_counts(np.array([0, 0, 0]), times, 1, as_of="2024-04-08", timezone=zone, weeks=3)
    assert found.tolist() == [[1, 1, 1]]
