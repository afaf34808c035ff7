"""Past lists: made of what was known on their day, and counted so that they can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.backfill import Backfill, fix_choice, list_days, list_outcome, replay
from models.training.recipe import Recipe
from tests.models.panels_for_tests import DEFINITION, MOMENTS, panel

RECIPE = Recipe(seeds=1, max_rounds=30, learning_rate=0.1, rounds=20, logistic_share=0.25, calibration="platt")
DAY = MOMENTS[-2]
WEEKLY = ["2021-01-04", "2021-01-11", "2021-01-18", "2021-01-25", "2021-02-01", "2021-02-04", "2021-02-08"]


@pytest.mark.parametrize(
    ("weeks", "days"),
    [
        (8, ["2021-02-01", "2021-02-08"]),  # at the others nothing was known that could have taught
        (1, ["2021-02-08"]),
    ],
)
def test_lists_are_a_week_apart_and_have_something_to_learn_from(weeks: int, days: list[str]) -> None:
    assert list_days(WEEKLY, span_days=28, weeks=weeks) == days


def test_moments_that_lie_two_weeks_apart_give_lists_two_weeks_apart() -> None:
    assert list_days(WEEKLY[::2], span_days=14, weeks=8) == ["2021-01-18", "2021-02-01", "2021-02-08"]


def test_what_was_left_open_is_set_as_chosen() -> None:
    chosen = {"rounds": 77, "logistic_share": 0.5, "calibration": "beta", "notes": ["why"], "numbers": {"leaves": 5}}
    found = fix_choice(Recipe(seed=3), chosen)
    assert (found.seed, found.rounds, found.logistic_share, found.calibration) == (3, 77, 0.5, "beta")
    assert found.leaves == 5


def test_a_past_list_knows_nothing_of_what_came_later() -> None:
    data = panel()
    before = replay(data, DAY, RECIPE, DEFINITION)
    later = data.moments > DAY
    # What is learnt from may be anything from the day on; the day's own outcome only judges.
    spoiled = replace(
        data,
        features=data.features.assign(noise_0=data.features["noise_0"].where(~later, 99.0)),
        churned=np.where(data.moments >= DAY, 1 - data.churned, data.churned),
        value_ahead=np.where(data.moments >= DAY, 1e6, data.value_ahead),
    )
    after = replay(spoiled, DAY, RECIPE, DEFINITION)
    pd.testing.assert_frame_equal(
        before.drop(columns=["churned", "value_ahead"]), after.drop(columns=["churned", "value_ahead"])
    )
    assert len(before) == 250


def test_a_window_that_was_not_over_on_the_day_taught_nothing() -> None:
    longer = {**DEFINITION, "horizon_days": 56}  # the moment 28 days before the day is not known yet
    data = panel()
    before = replay(data, DAY, RECIPE, longer)
    hidden = data.moments == MOMENTS[-3]
    after = replay(replace(data, churned=np.where(hidden, 1 - data.churned, data.churned)), DAY, RECIPE, longer)
    assert np.array_equal(before["model"], after["model"])


def one_day(**columns: list[float]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    known = {"customer_id": [f"c{place}" for place in range(count)], "as_of": pd.Timestamp("2021-03-01")}
    return pd.DataFrame({**known, **columns})


FIVE = one_day(
    model=[0.9, 0.8, 0.5, 0.2, 0.1],
    churned=[1, 0, 1, 0, 0],
    expected_value=[10, 10, 100, 100, 10],
    days_since_last=[0.3, 0.3, 0.3, 0.1, 0.1],
    rfm_score=[0.1, 0.1, 0.1, 0.1, 0.9],
)


def test_one_list_counted_by_hand() -> None:
    week = list_outcome(FIVE, capacity=2, rule="days_since_last")
    assert (week.as_of, week.customers, week.left, week.listed) == ("2021-03-01", 5, 2, 2)
    # Ranked by value at risk (9, 8, 50, 20, 1): c2 and c3. By risk alone: c0 and c1.
    assert (week.hits, week.hits_by_risk) == (1, 1)
    assert week.promised_hits == pytest.approx(0.7)
    assert week.chance_hits == pytest.approx(0.8)
    assert week.rule_hits == pytest.approx(4 / 3), "two of the three tied, of whom two left"
    assert (week.at_risk_value, week.lost_value) == (pytest.approx(70), 100)
    assert week.rule_lost_value == pytest.approx(2 / 3 * 110)
    assert (week.promised_share, week.left_share) == (pytest.approx(0.5), pytest.approx(0.4))


def test_without_money_the_list_is_by_risk() -> None:
    week = list_outcome(FIVE.assign(expected_value=np.nan), capacity=2, rule="days_since_last")
    assert (week.hits, week.hits_by_risk, week.lost_value) == (1, 1, pytest.approx(np.nan, nan_ok=True))


def test_a_list_is_never_longer_than_there_are_customers() -> None:
    week = list_outcome(FIVE, capacity=300, rule="days_since_last")
    assert (week.listed, week.hits, week.rule_hits) == (5, 2, 2)


def test_the_rule_is_chosen_in_its_own_favour() -> None:
    found = Backfill.of("silent_28d", FIVE, ("rfm_score", "days_since_last"), capacity=2, currency="EUR")
    assert found.rule == "days_since_last"
    assert found.has_money
    assert found.total("hits") == 1
    assert found.groups["customers"].sum() == 5
