from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from models.evaluation import value_metrics
from models.learners.expected_value import own_average
from models.segments import Roles
from tests.models.panels_for_tests import DEFINITION, columns_info


def spent(rows: int = 400, better: bool = True) -> pd.DataFrame:
    random = np.random.default_rng(0)
    usual = random.gamma(2, 20, rows)
    table = pd.DataFrame({"customer_id": [f"c{n % 200}" for n in range(rows)], "churned": random.random(rows) < 0.3})
    table["value_ahead"] = np.where(table["churned"], 0.0, usual * random.lognormal(0, 0.3, rows))
    noisy = usual * random.lognormal(0, 0.6, rows)
    return table.assign(expected_value=usual if better else noisy, own_average_value=noisy if better else usual)


def test_only_those_who_stayed_count_and_deciles_rise() -> None:
    table = spent()
    found = value_metrics.report(table, draws=100, seed=1)
    json.dumps(found, allow_nan=False)
    stayed = table[~table["churned"]]
    assert found["stayed"] == len(stayed) == sum(one["customers"] for one in found["deciles"].values())
    error = (stayed["expected_value"] - stayed["value_ahead"]).abs().mean()
    assert found["model"]["mean_absolute_error"] == pytest.approx(error)
    expected = [one["expected"] for one in found["deciles"].values()]
    assert expected == sorted(expected)
    assert found["deciles"]["10"]["brought"] > found["deciles"]["01"]["brought"]


@pytest.mark.parametrize("better", [True, False])
def test_the_pair_says_which_of_the_two_is_closer(better: bool) -> None:
    found = value_metrics.report(spent(better=better), draws=200, seed=1)["paired"]["absolute_error"]
    assert (found["high"] < 0) == better
    assert (found["low"] > 0) == (not better)


def test_without_money_there_are_no_figures() -> None:
    assert value_metrics.report(spent().assign(value_ahead=np.nan), draws=10, seed=1) == {}
    assert value_metrics.report(spent()[["customer_id", "churned"]], draws=10, seed=1) == {}


def test_the_own_average_by_hand() -> None:
    """364 of money over a year is 1 a day; who is known for 10 days counts as known for one horizon."""
    roles = Roles("r", "placed_order_count_364d", "placed_order_total_value_364d", "placed_order_days_since_first")
    features = pd.DataFrame(
        {"placed_order_total_value_364d": [364.0, 56.0, -5.0], "placed_order_days_since_first": [900.0, 10.0, 100.0]}
    )
    assert own_average(features, roles, columns_info(), DEFINITION).tolist() == [28.0, 56.0, 0.0]
    assert np.isnan(own_average(features, Roles("r", "f", None, "t"), columns_info(), DEFINITION)).all()
