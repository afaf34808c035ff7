from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from models.errors import ModelError
from models.learners import boosting
from models.training import split, train
from models.training.panel import Data
from models.training.recipe import Recipe
from tests.models.panels_for_tests import DEFINITION, MOMENTS, panel

QUICK = Recipe(seeds=1, max_rounds=40, learning_rate=0.1)


def plan_of(moments: tuple[str, ...] = MOMENTS, origins: int = 4) -> split.Plan:
    return split.plan(moments, span_days=28, origins=origins)


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    return train.train(panel(), plan_of(), QUICK, DEFINITION)


def test_threads_change_nothing(trained: train.Trained) -> None:
    again = train.train(panel(), plan_of(), QUICK, DEFINITION, threads=2)
    assert again.shipped.digest == trained.shipped.digest
    assert again.held_out.digest == trained.held_out.digest
    pd.testing.assert_frame_equal(again.predictions, trained.predictions)


def test_boosters_are_the_same_text_at_any_thread_count() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(30_000, 12)).astype(np.float32)
    y = (random.random(30_000) < 1 / (1 + np.exp(1 - x[:, 0]))).astype(float)
    kept = {"names": [f"f{n}" for n in range(12)], "categories": [], "seeds": [1], "rounds": 10}
    one, two = (boosting.fit(x, y, threads=n, objective=QUICK.objective(30_000), **kept) for n in (1, 2))
    assert one.texts == two.texts
    assert "num_threads" not in one.texts[0]


def test_another_seed_is_another_model(trained: train.Trained) -> None:
    other = train.train(panel(), plan_of(), replace(QUICK, seed=8), DEFINITION)
    assert other.shipped.digest != trained.shipped.digest


def test_the_order_of_rows_and_columns_changes_nothing_that_counts(trained: train.Trained) -> None:
    before = panel()
    features = before.features[before.features.columns[::-1]]
    again = train.train(replace(before, features=features), plan_of(), QUICK, DEFINITION)
    assert again.shipped.digest == trained.shipped.digest


def test_the_future_of_an_origin_cannot_reach_it(trained: train.Trained) -> None:
    """Every label that is not known at the test moment is turned round: what was predicted there stays."""
    before = panel()
    late = before.moments > "2021-04-26"  # its window ends on the test moment, 2021-05-24
    again = train.train(
        replace(before, churned=np.where(late, 1 - before.churned, before.churned)), plan_of(), QUICK, DEFINITION
    )
    assert again.predictions["model"].equals(trained.predictions["model"])
    assert again.shipped.digest != trained.shipped.digest


def test_the_test_moment_serves_no_choice(trained: train.Trained) -> None:
    before = panel()
    random = np.random.default_rng(5).random(len(before.churned)) < 0.5
    spoiled = np.where(before.moments == MOMENTS[-1], random.astype(float), before.churned)
    again = train.train(replace(before, churned=spoiled), plan_of(), QUICK, DEFINITION)
    assert again.choice == trained.choice


def test_probabilities_are_neither_weighted_nor_biased(trained: train.Trained) -> None:
    test = trained.predictions[trained.predictions["role"] == "test"]
    assert test["model"].mean() == pytest.approx(test["churned"].mean(), abs=0.07)
    assert roc_auc_score(test["churned"], test["model"]) > 0.7


def test_predictions_hold_what_evaluation_needs(trained: train.Trained) -> None:
    found = trained.predictions
    assert found["role"].value_counts().to_dict() == {"backtest": 750, "test": 250}
    assert found.loc[found["role"] == "test", "expected_value"].notna().all()
    assert found[["model", "days_since_last", "rfm_score", "logistic_rfmt"]].notna().all(axis=None)
    assert found[["expected_value", "own_average_value", "segment", "logistic_rich"]].notna().all(axis=None)


def test_where_leaving_is_pure_chance_the_score_is_near_chance() -> None:
    data = panel(signal=0.0, customers=600)
    found = train.train(data, plan_of(), QUICK, DEFINITION).predictions
    auc = roc_auc_score(found["churned"], found["model"])
    assert abs(auc - 0.5) < 0.05


def test_families_that_are_off_are_not_learned() -> None:
    off = ["noise_0", "noise_1", "customer_age"]
    found = train.train(panel(), plan_of(origins=1), QUICK, DEFINITION, without=off)
    assert not set(off) & set(found.shipped.columns)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_short_histories_still_give_a_model(count: int) -> None:
    moments = MOMENTS[-count:]
    found = train.train(panel(moments=moments), plan_of(moments), QUICK, DEFINITION)
    test = found.predictions[found.predictions["role"] == "test"]
    assert test["as_of"].unique().tolist() == [pd.Timestamp(MOMENTS[-1])]
    assert log_loss(test["churned"], test["model"]) < 0.75
    assert test["seen_in_training"].any() == (count > 1)


def test_without_money_there_is_no_expected_value() -> None:
    found = train.train(panel(money=False), plan_of(origins=1), QUICK, DEFINITION)
    assert found.shipped.value is None
    assert found.predictions["expected_value"].isna().all()


def test_nobody_left_is_an_error_in_words() -> None:
    nobody = replace(panel(), churned=np.zeros(250 * 6))
    with pytest.raises(ModelError, match=r"0 customers who left and 1500 who stayed.*horizon_days"):
        train.train(nobody, plan_of(), QUICK, DEFINITION)


def test_a_large_panel_is_thinned_by_customer_and_moment() -> None:
    big = panel(customers=400)
    found = train.train(big, plan_of(origins=1), QUICK, DEFINITION)
    assert found.shipped.known.names
    data = Data.of(big, DEFINITION)
    kept = data.thinned(data.everything, 1000)
    assert kept.sum() == pytest.approx(2400 / 3, abs=60)
    assert set(data.moments[kept]) == set(MOMENTS)
    assert pd.Series(data.customers)[kept].value_counts().tolist() == [2] * 400
    assert data.thinned(data.everything, 2400).all()


@pytest.mark.parametrize("monotone", [True, False])
def test_trees_keep_the_declared_directions(monotone: bool) -> None:
    """A longer silence never lowers the risk where columns.json says so; the noise may go either way."""
    before = panel(signal=-0.3)  # the data say the opposite
    info = [{**one, "monotone": 1 if one["measure"] == "days_since_last" else 0} for one in before.columns_info]
    recipe = replace(QUICK, monotone=monotone, logistic_share=0.0)
    model = train.train(replace(before, columns_info=info), plan_of(origins=1), recipe, DEFINITION).fitted
    rows = before.features.iloc[np.repeat(np.arange(20), 30)].copy()
    rows["placed_order_days_since_last"] = np.tile(np.linspace(0, 90, 30), 20)
    odds = model.log_odds(rows).reshape(20, 30)
    assert (np.diff(odds, axis=1) >= -1e-12).all() == monotone
