from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from features.cohorts import BEFORE, months_of, retention, whole_months


@pytest.mark.parametrize(
    ("as_of", "months", "starts"),
    [
        ("2017-12-04", 2, ["2017-10-01", "2017-11-01", "2017-12-01"]),
        ("2024-02-01", 2, ["2023-12-01", "2024-01-01", "2024-02-01"]),
        ("2024-01-31", 1, ["2023-12-01", "2024-01-01"]),
    ],
)
def test_only_months_that_are_over_count(as_of: str, months: int, starts: list[str]) -> None:
    assert whole_months(as_of, months) == starts


def test_months_begin_at_midnight_of_the_timezone() -> None:
    starts, zone = whole_months("2024-03-04", 2), ZoneInfo("Asia/Bangkok")
    moments = ["2023-12-31T23:59", "2024-01-01T00:00", "2024-01-31T23:59", "2024-02-01T00:00", "2024-03-01T00:00"]
    times = [int(datetime.fromisoformat(one).replace(tzinfo=zone).timestamp() * 1e6) for one in moments]
    assert months_of(np.array(times), starts, "Asia/Bangkok").tolist() == [BEFORE, 0, 0, 1, 2]


def test_a_triangle_on_paper() -> None:
    """month      0  1  2  | 3: not over
    customer 0:   x  .  x
    customer 1:   x  x  .     (twice in month 0)
    customer 2:   .  x  x
    customer 3:   .  x  .     (but known from before: in no cohort)
    customer 4:   .  .  .  | x
    """
    seen = [(0, 0), (0, 2), (1, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 1), (3, BEFORE), (4, 3)]
    customer, month = (np.array(column) for column in zip(*seen, strict=True))
    found = retention(customer, month, 5, ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"])
    assert found.months == ("2024-01-01", "2024-02-01", "2024-03-01")
    assert found.sizes == (2, 1, 0)
    assert found.active == ((2, 1, 1), (1, 1), (0,))


def test_nobody_gives_an_empty_triangle() -> None:
    none = np.array([], dtype=int)
    assert retention(none, none, 0, whole_months("2024-03-04", 2)).active == ((0, 0), (0,))
