"""The suites alone, judged on figures made by hand: what each lets pass and what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.expectations import (
    FEATURES,
    activity_suite,
    as_float32,
    features_suite,
    scores_suite,
    volume_ratio,
)
from features.judging import ExpectationResult, judge
from tests.conftest import examples

COLUMNS: list[dict[str, Any]] = [
    {"name": "orders", "low": 0.0, "high": None},
    {"name": "share", "low": 0.0, "high": 0.1},
    {"name": "trend", "low": None, "high": None},
]
GOOD = {
    "rows": 2.0,
    "columns_of_another_type": 0.0,
    **dict.fromkeys(FEATURES, 0.0),
    "customer_id": "c1",
    "as_of": "2024-01-01",
    "orders": 3.0,
    "share": 0.05,
    "trend": -7.5,
}
# Both bounds, their neighbours, a blank, and what lies far off.
EDGES = [0.0, -0.0, 0.1, float(np.nextafter(0.0, -1)), float(np.float32(0.1)), float(np.nextafter(np.float32(0.1), 1))]
PLAUSIBLE = st.none() | st.sampled_from(EDGES) | st.floats(allow_nan=False, allow_infinity=False)


def failed(**changed: Any) -> list[str]:
    figures = pd.DataFrame({**{name: [value] * 2 for name, value in GOOD.items()}, **changed})
    verdicts = judge(features_suite(COLUMNS, [], "2024-01-01"), figures)
    return [verdict.statement for verdict in verdicts if not verdict.passed]


def test_good_figures_pass() -> None:
    assert failed() == []


@pytest.mark.parametrize(
    ("changed", "statement"),
    [
        # figure and its two values           what fails
        ({"rows": [0.0, 5.0]}, "There is at least one row"),
        ({"rows": [None, None]}, "There is at least one row"),
        ({"rows_without_customer_id": [0.0, 1.0]}, "Every row has a customer_id"),
        ({"rows_with_repeated_customer_id": [1.0, 1.0]}, "No customer appears twice at one moment"),
        ({"columns_of_another_type": [1.0, 1.0]}, "Every column has the type that the contract gives it"),
        ({"orders": [-1.0, 3.0]}, "orders is at least 0"),
        ({"share": [0.0, 0.2]}, "share lies between 0 and 0.1"),
        ({"orders": [3.0, None]}, "orders is a finite number in every row"),
        ({"share": [None, None]}, "share is a finite number in every row"),
        ({"trend": [None, None]}, "trend is a finite number in every row"),
        ({"extra": [1.0, 1.0]}, "The columns are exactly the 5 of the contract"),
    ],
)
def test_a_figure_that_is_wrong_fails_its_own_check_alone(changed: dict[str, Any], statement: str) -> None:
    assert failed(**changed) == [statement]


def test_a_missing_column_cannot_be_judged_and_so_fails() -> None:
    figures = pd.DataFrame({name: [value] for name, value in GOOD.items() if name != "share"})
    verdicts = {v.statement: v.passed for v in judge(features_suite(COLUMNS, [], "2024-01-01"), figures)}
    assert not verdicts["The columns are exactly the 5 of the contract"]
    assert not verdicts["share is a finite number in every row"]
    assert not verdicts["share lies between 0 and 0.1"]
    assert verdicts["orders is at least 0"]


def test_no_table_at_all_fails() -> None:
    figures = pd.DataFrame({name: [value] for name, value in GOOD.items()}).iloc[:0]
    assert not judge(features_suite(COLUMNS, [], "2024-01-01"), figures)[0].passed


def test_a_bound_is_rounded_as_the_values_are() -> None:
    assert as_float32(None) is None
    assert failed(share=[0.0, as_float32(0.1)]) == []  # 0.1 in float32 is a little more than 0.1


@given(
    st.fixed_dictionaries({name: st.lists(PLAUSIBLE, min_size=3, max_size=3) for name in ("orders", "share", "trend")})
)
@examples(8)
def test_a_figure_passes_exactly_if_it_is_there_and_within_its_bounds(found: dict[str, list[float | None]]) -> None:
    whole = pd.DataFrame({**{name: [value] * 3 for name, value in GOOD.items()}, **found})
    verdicts = {v.statement: v.passed for v in judge(features_suite(COLUMNS, [], "2024-01-01"), whole)}
    for column in COLUMNS:
        low, high = (column[side] if column[side] is None else as_float32(column[side]) for side in ("low", "high"))
        there = [value for value in found[column["name"]] if value is not None]
        assert verdicts.pop(f"{column['name']} is a finite number in every row") == (len(there) == 3)
        within = all((low is None or low <= value) and (high is None or value <= high) for value in there)
        bounded = [said for said in verdicts if said.startswith(f"{column['name']} ")]
        assert [verdicts.pop(said) for said in bounded] == ([] if low is high is None else [within])
    assert all(verdicts.values())  # the figures that nothing was done to


@pytest.mark.parametrize(
    ("found", "least", "most", "ratio"),
    [
        (100, 90, 110, 1.0),  # within what was seen
        (0, 0, 3, 1.0),
        (0, 3, 3, 1.3),  # three and none: chance
        (0, 3000, 3000, 301.0),
        (990, 90, 90, 10.0),
        (90, 990, 990, 10.0),
    ],
)
def test_volume_ratio(found: float, least: float, most: float, ratio: float) -> None:
    assert volume_ratio(found, least, most) == pytest.approx(ratio)


def test_every_suite_says_what_it_means_in_words_and_judges_in_its_own_order() -> None:
    suites = [
        activity_suite(["activity_id"], "2024-01-01", {"The stream": 3.0}, ["placed_order"], 4.0),
        features_suite(COLUMNS, ["customer_age"], "2024-01-01"),
        scores_suite(["customer_id"], "2024-01-01", 0.25, ["placed_order"], 4.0),
    ]
    for suite in suites:
        verdicts = judge(suite, pd.DataFrame({"nothing": [1]}))
        # On a table that has nothing of what is asked for, nothing passes but that there is a table.
        assert [verdict.statement for verdict in verdicts if verdict.passed] == []
        asked = [check.statement for check in suite.checks]
        assert [v.statement for v in verdicts] == [asked[0], suite.columns_statement, *asked[1:]]
        assert all(isinstance(verdict, ExpectationResult) and "{" not in verdict.statement for verdict in verdicts)
