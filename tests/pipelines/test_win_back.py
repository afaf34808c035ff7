"""Those who have left already, in a list of their own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipelines.at_risk.win_back import churned, win_back
from pipelines.modelling.eligibility import eligibility_of
from pipelines.rendering.columns import WIN_BACK_COLUMNS
from tests.pipelines.lists_for_tests import DAY, DEFINITION, Shop, moment, settings, shop

LEFT = ["0037", "0038", "0039"]  # 70 days ago; at most 56 make a customer


@pytest.fixture
def small(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def gone(small: Shop, *, without: tuple[str, ...] = (), **win_back_settings: int) -> pd.DataFrame:
    limits, activity = settings(win_back=win_back_settings).at_risk.win_back, small.inputs.activity
    when = moment()
    status = eligibility_of(DEFINITION, when.churn, activity, as_of=when.as_of, timezone=when.timezone)
    customers = churned(status) - set(without)
    return win_back(customers, small.features, small.model, activity, moment=when, limits=limits)


def test_whoever_left_and_nobody_else(small: Shop) -> None:
    table = gone(small)
    assert sorted(table["customer_id"]) == LEFT
    assert list(table.columns) == list(WIN_BACK_COLUMNS)
    assert not set(table["customer_id"]) & set(small.scores["customer_id"])
    assert set(table["last_activity"]) == {date(2023, 12, 25)}
    assert set(table["days_since_last"]) == {70}
    assert set(table["as_of"]) == {date.fromisoformat(DAY)}


def test_who_brought_most_comes_first_and_the_list_is_short(small: Shop) -> None:
    table = gone(small)
    brought = small.features.set_index("customer_id")["placed_order_total_value_91d"]
    assert table["past_value"].tolist() == sorted((round(float(brought[one]), 2) for one in LEFT), reverse=True)
    assert gone(small, most=2)["customer_id"].tolist() == table["customer_id"].tolist()[:2]
    assert gone(small, most=0).empty
    assert gone(small, within_days=69).empty


def test_who_ordered_since_is_not_gone(small: Shop) -> None:
    assert sorted(gone(small, without=("0038",))["customer_id"]) == ["0037", "0039"]
