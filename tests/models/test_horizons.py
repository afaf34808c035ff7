"""Horizons of one kind never cross, and nothing is moved that need not be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from models.horizons import isotonic, ordered_probabilities, related


def silence(days: int, **other: object) -> dict[str, object]:
    return {"kind": "silence", "activity": "placed_order", "active_within_days": 2 * days, "gap_days": 0} | {
        "horizon_days": days,
        **other,
    }


DEFINITIONS = {
    "silent_14d": silence(14),
    "silent_56d": silence(56),
    "silent_28d": silence(28, active_within_days=14),
    "silent_later": silence(28, gap_days=7),
    "unseen_28d": silence(28, activity="visited_site"),
    "cancelled_30d": {"kind": "cancellation", "ends": "cancelled_subscription", "horizon_days": 30},
    "cancelled_90d": {"kind": "cancellation", "ends": "cancelled_subscription", "horizon_days": 90},
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("silent_28d", ["silent_56d", "silent_28d", "silent_14d"]),
        ("silent_later", ["silent_later"]),
        ("unseen_28d", ["unseen_28d"]),
        ("cancelled_90d", ["cancelled_30d", "cancelled_90d"]),
    ],
)
def test_who_asks_the_same_over_another_horizon(name: str, found: list[str]) -> None:
    assert related(DEFINITIONS, name) == found


def rows_of(wide: int) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(st.floats(0, 1), min_size=wide, max_size=wide), min_size=1, max_size=6)


@given(st.integers(1, 5).flatmap(rows_of))
def test_rising_is_the_nearest_order(rows: list[list[float]]) -> None:
    given_rows = np.array(rows)
    found = isotonic(given_rows)
    assert (np.diff(found, axis=1) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    oracle = np.array([isotonic_regression(row) for row in given_rows])
    assert found == pytest.approx(oracle, abs=1e-12)
    sorted_already = (np.diff(given_rows, axis=1) >= 0).all(axis=1)
    assert np.array_equal(found[sorted_already], given_rows[sorted_already]), "what is in order is not touched"
    assert np.array_equal(isotonic(found), found), "twice is once"


SERIES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1), max_size=6)


@given(st.lists(SERIES, min_size=1, max_size=4))
def test_no_customer_s_probabilities_cross_whoever_is_missing_where(found: list[dict[str, float]]) -> None:
    given_series = [pd.Series(one, dtype="float64") for one in found]
    ordered = ordered_probabilities(given_series)
    for before, after in zip(given_series, ordered, strict=True):
        assert list(after.index) == list(before.index)
        assert after.notna().all()
    for place, less in enumerate(ordered):
        for more in ordered[place + 1 :]:
            both = less.index.intersection(more.index)
            assert (less[both].to_numpy() <= more[both].to_numpy()).all()


def test_one_definition_alone_is_left_as_it_is() -> None:
    alone = pd.Series([0.4, 0.1], index=["b", "a"])
    pd.testing.assert_series_equal(ordered_probabilities([alone])[0], alone, check_names=False)
