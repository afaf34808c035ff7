"""The kernel equals the obvious join, for every measure and window, within the tolerance that the measure declares."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import examples
from tests.features.oracle import Did, number_of, rows_at
from tests.features.streams_for_tests import MAIN, MOMENTS, everything, numbers, streams

pytestmark = pytest.mark.slow

FEATURES = everything()


def must_agree(stream: list[Did], timezone: str, seen_within_days: int = 365) -> None:
    found = numbers(stream, FEATURES, timezone=timezone, seen_within_days=seen_within_days)
    rows = {(m, c) for m in MOMENTS for c in rows_at(stream, date.fromisoformat(m), timezone, seen_within_days)}
    assert set(found) == rows
    for (moment, customer), row in found.items():
        for feature in FEATURES:
            wanted = number_of(feature, stream, customer, date.fromisoformat(moment), timezone, MAIN)
            largest = max((abs(d.value) for d in stream if d.value is not None), default=1.0)
            scale = max(1.0, abs(wanted), largest if feature.measure == "value_spread" else 0.0)
            assert math.isfinite(row[feature.name])
            assert abs(row[feature.name] - wanted) <= feature.how.tolerance * scale, (
                feature.name,
                moment,
                customer,
                row[feature.name],
                wanted,
            )
            low, high = feature.how.low, feature.how.high
            assert low is None or row[feature.name] >= low or feature.unit == "money"
            assert high is None or row[feature.name] <= high


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York"])
@examples(25)
@given(data=st.data())
def test_every_measure_and_window_equals_the_obvious_join(timezone: str, data: st.DataObject) -> None:
    must_agree(data.draw(streams(timezone)), timezone)


@examples(25)
@given(stream=streams("Europe/Berlin", late=True), seen=st.sampled_from([7, 365, 1000]))
def test_and_so_it_does_where_facts_are_recorded_late(stream: list[Did], seen: int) -> None:
    must_agree(stream, "Europe/Berlin", seen)
