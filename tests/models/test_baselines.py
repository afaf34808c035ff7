from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.learners.rule_names import IN_WORDS, RULES
from models.training import baselines, fitting
from models.training.panel import Data
from models.training.recipe import Recipe
from tests.models.panels_for_tests import DEFINITION, panel

QUICK = Recipe(seeds=1, max_rounds=10)


def found_in(data: Data, at: np.ndarray) -> dict[str, np.ndarray]:
    fit = fitting.fit(data, at, QUICK)
    return baselines.predictions(data, baselines.fitted(data, at, fit), ~at, fit)


def test_each_rule_becomes_a_probability_and_keeps_its_order() -> None:
    data = Data.of(panel(customers=1500, moments=("2021-01-04", "2021-02-01"), summary=True), DEFINITION)
    at = data.moments == "2021-01-04"
    found = found_in(data, at)
    assert set(found) == set(IN_WORDS) - {"own_rhythm", "fitted_model"}  # no such column
    days, y = data.panel.features["placed_order_days_since_last"][~at], data.panel.churned[~at]
    assert roc_auc_score(y, found["days_since_last"]) >= roc_auc_score(y, days) - 0.002  # clipped far outside training
    for name, probability in found.items():
        assert ((probability > 0) & (probability < 1)).all(), name
        if name != "bg_nbd":  # not fitted on who left, and this panel is no BG/NBD world
            assert abs(probability.mean() - y.mean()) < 0.03, name
    assert roc_auc_score(y, found["logistic_rfmt"]) > roc_auc_score(y, found["days_since_last"])


@pytest.mark.parametrize("money", [True, False])
def test_without_money_or_summary_the_others_still_work(money: bool) -> None:
    data = Data.of(panel(customers=200, moments=("2021-01-04", "2021-02-01"), money=money), DEFINITION)
    found = found_in(data, data.moments == "2021-01-04")
    assert set(found) == set(IN_WORDS) - {"bg_nbd", "own_rhythm", "fitted_model"}
    assert all(np.isfinite(probability).all() for probability in found.values())


def test_where_leaving_is_no_silence_the_habit_becomes_a_probability_by_a_line() -> None:
    definition = {**DEFINITION, "kind": "cancellation"}
    data = Data.of(panel(customers=1500, moments=("2021-01-04", "2021-02-01"), summary=True), definition)
    at = data.moments == "2021-01-04"
    assert abs(found_in(data, at)["bg_nbd"].mean() - data.panel.churned[~at].mean()) < 0.03


def test_the_model_is_graded_against_rules_only() -> None:
    assert set(IN_WORDS) - set(RULES) == {"logistic_rich", "fitted_model"}
