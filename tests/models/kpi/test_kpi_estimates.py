"""Figures of groups: shares by Wilson, means as ratios over customers, formulas from declarations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kpi.declarations import COUNTED, Figure, formula
from models.kpi.estimates import estimate
from models.kpi.figures import BY_NAME, FIGURES

ONE = np.zeros(4, dtype=np.int64)


def test_names_are_unique_and_every_count_has_words() -> None:
    assert len(BY_NAME) == len(FIGURES)
    assert {count for figure in FIGURES for count in figure.counts} <= set(COUNTED)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("retention_rate", "(customers at the end - new customers - customers won back) / customers at the start"),
        ("average_order_value", "money of all orders / orders"),
        ("new", "new customers"),
        (
            "nps",
            "100 x (answers of 9 or 10 - answers of 6 or less) / answers to the recommendation question",
        ),
    ],
)
def test_a_formula_is_made_from_the_declaration(name: str, said: str) -> None:
    assert formula(BY_NAME[name]) == said


def test_a_share_has_wilson_s_limits() -> None:
    # Wilson 1927, by hand for 1 of 4 at 1.96: (1 + 1.9207) / (4 + 3.8415) -+ 1.96 sqrt(4 x .1875 + .9604) / 7.8415
    counts = {"lost": np.array([1.0, 0, 0, 0]), "start": np.ones(4)}
    found = estimate(BY_NAME["churn_rate"], counts, ONE, 1)
    assert found.value[0] == 0.25
    assert found.low is not None
    assert found.high is not None
    assert [found.low[0], found.high[0]] == pytest.approx([0.0456, 0.6994], abs=5e-4)


def test_a_mean_has_the_limits_of_a_ratio_over_customers() -> None:
    # Two orders of 10 and 20 by one customer, one of 30 and none by others: R = 60 / 3; residuals -10, 10 and n = 2.
    counts = {"revenue": np.array([30.0, 30.0, 0, 0]), "orders": np.array([2.0, 1.0, 0, 0])}
    found = estimate(BY_NAME["average_order_value"], counts, ONE, 1)
    assert found.value[0] == 20
    half = 12.7062 * np.sqrt(2 / 1 * (100 + 100)) / 3  # t of .975 on one degree of freedom
    assert found.low is not None
    assert found.low[0] == pytest.approx(20 - half, abs=1e-2)


def test_where_there_is_nobody_nothing_is_said() -> None:
    counts = {"revenue": np.zeros(4), "orders": np.zeros(4)}
    found = estimate(BY_NAME["average_order_value"], counts, ONE, 1)
    assert np.isnan(found.value[0])
    assert found.low is not None
    assert np.isnan(found.low[0])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=30))
def test_numerators_and_denominators_add_up_over_groups(rows: list[tuple[int, int]]) -> None:
    group = np.array([one for one, _ in rows], dtype=np.int64)
    y = np.array([two for _, two in rows], dtype=np.float64)
    figure = Figure("x", "X", "money", ("revenue",), "orders", "mean")
    by = estimate(figure, {"revenue": y, "orders": np.ones(len(y))}, group, 4)
    whole = estimate(figure, {"revenue": y, "orders": np.ones(len(y))}, np.zeros_like(group), 1)
    assert by.denominator is not None
    assert whole.denominator is not None
    assert by.numerator.sum() == whole.numerator[0]
    assert by.denominator.sum() == whole.denominator[0]
