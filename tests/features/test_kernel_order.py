"""How the kernel sorts a partition: by activity, customer and day, and within a day as it was given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.kernel import Events, _sorted
from tests.conftest import examples

ROW = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(-400, 400))


def positions(rows: list[tuple[int, int, int]], customers: int) -> list[int]:
    activity, customer, day = (np.array([row[i] for row in rows], dtype=np.int32) for i in range(3))
    events = Events(customers, ("a", "b", "c"), customer, activity, np.zeros(len(rows), dtype=np.int64))
    return [int(place) for place in _sorted(events, day)]


@examples(100)
@given(st.lists(ROW, max_size=30))
def test_as_a_stable_sort_would(rows: list[tuple[int, int, int]]) -> None:
    assert positions(rows, 5) == sorted(range(len(rows)), key=lambda i: rows[i])


@pytest.mark.parametrize("customers", [5, 1 << 40])
def test_also_where_the_keys_do_not_fit_into_64_bits(customers: int) -> None:
    rows = [(2, 1, 2**31 - 1), (0, 4, -(2**31)), (0, 4, -(2**31)), (1, 0, 0), (0, 4, -5)]
    assert positions(rows, customers) == [1, 2, 4, 3, 0]
